// What the peer was recorded to accept and refuse, and in which words.
import assert from "node:assert/strict";
import { PLACE, withoutPlace } from "../../tests/support/refused.ts";
import { parseAndValidate, print } from "./mod.ts";

interface Recorded {
  readonly name: string;
  readonly path: string;
  readonly status: number;
  readonly body: string;
}

/** By query text: what we say instead, and why. */
const DIFFERENT: Readonly<Record<string, { readonly message: string; readonly why: string }>> = {
  "": {
    message: "parse error at line 1, col 1: syntax error: unexpected $end",
    why: "the API takes an empty query to mean all, before it is parsed",
  },
  "{ span. }": {
    message:
      "parse error at line 1, col 3: syntax error: unexpected END_ATTRIBUTE, expecting IDENTIFIER",
    why: "there is no line 0",
  },
  "({} | rate()) * 10s": {
    message:
      "parse error at line 1, col 17: duration cannot be used as a scalar operand in metric arithmetic",
    why: "there is no line 0",
  },
  "{} | count() > avg(duration)": {
    message: "scalar filter rhs of type (aggregate) not yet supported",
    why: "the recorded text is a format that nobody filled in",
  },
  "{}": { message: "", why: "the metrics API, not the language, wants a metrics query" },
};

const golden = (name: string) => new URL(`../../tests/golden/http/${name}`, import.meta.url);

function refusal(query: string): string {
  try {
    parseAndValidate(query);
    return "";
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, "InputError", String(error.stack));
    return error.message;
  }
}

for (const file of ["errors-traceql.jsonl", "errors-metrics.jsonl"]) {
  Deno.test(`queries of ${file} are refused in the recorded words`, () => {
    const lines = Deno.readTextFileSync(golden(file)).trim().split("\n");
    assert.ok(lines.length > 25);
    for (const line of lines) {
      const { name, status, body } = JSON.parse(line) as Recorded;
      const recorded = status === 200
        ? ""
        : body.trim().replace(/^(?:invalid TraceQL query|compiling query): /, "");
      const ours = refusal(name);
      assert.equal(withoutPlace(ours), DIFFERENT[name]?.message ?? recorded, name);
      if (ours !== "") assert.match(ours, PLACE);
    }
  });
}

Deno.test("recorded searches are accepted, and print as what parses to the same", async () => {
  const file = await Deno.readFile(golden("search.jsonl.gz"));
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  const lines = (await new Response(stream).text()).trim().split("\n");
  let accepted = 0;
  for (const line of lines) {
    const { path, status } = JSON.parse(line) as Recorded;
    const query = new URL(path, "http://host").searchParams.get("q") ?? "";
    if (query === "") continue;
    // A status 500 is a fault of the peer.
    assert.equal(refusal(query) !== "", status === 400, query);
    if (status === 400) continue;
    const printed = print(parseAndValidate(query));
    assert.equal(print(parseAndValidate(printed)), printed, query);
    accepted++;
  }
  assert.ok(accepted > 220);
});
