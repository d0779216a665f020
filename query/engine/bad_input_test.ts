// What somebody may send to bring a process down: each is answered or refused in bounded time, and can be
// stopped while it runs.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { parseAndValidate, type Pipeline } from "../traceql/mod.ts";
import { query, type SearchRequest } from "./mod.ts";
import { naiveRows, type NaiveSpan } from "./naive_test_support.ts";

/** A trace of one span, whose id is `i`. */
function numbered(n: number | bigint, i: number): Uint8Array {
  const value = typeof n === "bigint" || Number.isInteger(n)
    ? { intValue: String(n) }
    : { doubleValue: n };
  const traceId = Uint8Array.fromHex(String(i).padStart(32, "0"));
  return encodeOtlp({
    resourceSpans: [{
      resource: {},
      scopeSpans: [{
        scope: {},
        spans: [{
          traceId,
          spanId: new Uint8Array(8).fill(1),
          startTimeUnixNano: "1000000000",
          endTimeUnixNano: String(1_000_000_000 + (i + 1) * 1_000_000),
          attributes: [{ key: "n", value }],
        }],
      }],
    }],
  });
}

function naive(n: number | bigint, i: number): NaiveSpan {
  const kind = typeof n === "bigint" || Number.isInteger(n) ? "int" : "float";
  return {
    trace: i,
    id: "1",
    parentId: "",
    attributes: new Map([["n", [{ t: "number", kind, v: Number(n) }]]]),
    resource: new Map(),
    scope: new Map(),
    events: [],
    links: [],
    intrinsics: { duration: [{ t: "number", kind: "duration", v: (i + 1) * 1_000_000 }] },
  };
}

const signal = new AbortController().signal;
const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
for (const message of realisticTraces(20_000)) decoder.decode(message);
const view = LiveView.of(columns);

const search = (text: string): SearchRequest => ({
  kind: "search",
  tenant: "t",
  query: text,
  limit: 20,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
});
const many = (count: number, part: (i: number) => string, op = " || ") =>
  `{ ${Array.from({ length: count }, (_, i) => part(i)).join(op)} }`;

/** A machine that does ten things at once is no reason to fail; what is not bounded takes hours. */
const SECONDS_MAX = 20;

async function inTime(text: string): Promise<number> {
  const startMs = systemClock.monotonic();
  const { traces } = await query(search(text), view, signal);
  const seconds = (systemClock.monotonic() - startMs) / 1_000;
  assert.ok(seconds < SECONDS_MAX, `${seconds} s for ${text.slice(0, 40)}`);
  return traces.length;
}

Deno.test("expressions that make other automata explode are linear, or refused", async () => {
  for (
    const pattern of [
      "(a*)*b",
      "(a|a)*b",
      "(.*a){12}.*",
      "([a-z]+)+[0-9]",
      "(x+x+)+y",
      ".*.*.*.*.*=.*",
    ]
  ) await inTime(`{ span.http.url =~ "${pattern}" }`);
  for (const pattern of ["(((a{999}){999}){999})", "a{100000}", "(", "[a", "(?=a)", "\\\\1"]) {
    await assert.rejects(query(search(`{ name =~ "${pattern}" }`), view, signal), (error) => {
      assert.ok(error instanceof InputError, pattern);
      assert.ok(error.message.startsWith("invalid regex: "), error.message);
      return true;
    });
  }
});

Deno.test("a text of 100 kB is looked for, as a value and as a pattern", async () => {
  const huge = "x".repeat(100_000);
  assert.equal(await inTime(`{ name = "${huge}" }`), 0);
  assert.equal(await inTime(`{ name =~ ".*${huge}.*" }`), 0);
  assert.equal(await inTime(`{ .${huge} = 1 }`), 0);
  assert.equal(await inTime(`{ name =~ "${"a|".repeat(50_000)}b" }`), 0);
});

Deno.test("ten thousand alternatives are one look, whatever their type", async () => {
  assert.equal(await inTime(many(10_000, (i) => `span.http.status_code = ${i}`)), 20);
  assert.equal(await inTime(many(10_000, (i) => `.user.id = "user-${i}"`)), 20);
  assert.equal(await inTime(many(10_000, (i) => `duration = ${i}us`)), 4);
  assert.equal(await inTime(many(10_000, (i) => `span.queue.wait = ${i}.125`)), 20);
  assert.equal(await inTime(many(2_000, (i) => `span.thread.id != ${i + 64}`, " && ")), 20);
});

Deno.test("alternatives of numbers match what each of them matches", async () => {
  for (
    const text of [
      "{ .n = 1 || .n = 2 || .n = 2.5 || .n = 9223372036854775807 }",
      "{ .n = 1s || .n = 2s || .n = 2ns }",
      "{ duration = 5ms || duration = 7ms || span.n = 0 }",
      "{ (.n = 1 || .n = 2) && (.n = 2 || .n = 3) }",
    ]
  ) {
    const stages = (parseAndValidate(text).query as Pipeline).stages;
    const values = [1, 2, 2.5, 3, 0, 2e9, 9223372036854775807n];
    const messages = values.map((n, i) => numbered(n, i));
    const own = new SpanColumns(defaultDedicated);
    const decode = new OtlpDecoder(own);
    for (const message of messages) decode.decode(message);
    const { traces } = await query({ ...search(text), limit: 0 }, LiveView.of(own), signal);
    const expected = naiveRows(values.map(naive), stages);
    assert.deepEqual(traces.map(({ traceId }) => Number(traceId)).sort(), expected, text);
  }
});

Deno.test("a query that takes long hears that it is to stop", async () => {
  const stop = new AbortController();
  const text = many(5_000, (i) => `span.http.url =~ ".*[0-9]+${i}[a-z]+.*[0-9]*x"`);
  const asked = query(search(text), view, stop.signal);
  const reason = new Error("gone");
  const failed = assert.rejects(asked, reason);
  await nextTurn();
  const startMs = systemClock.monotonic();
  stop.abort(reason);
  await failed;
  assert.ok(systemClock.monotonic() - startMs < 5_000);
});
