import assert from "node:assert/strict";
import { GOLDEN_TENANT, GOLDEN_V5, goldenStore } from "../../tests/support/golden_store.ts";
import { cli } from "./cli_testing.ts";
import { COMMANDS } from "./commands.ts";

const manual = Deno.readTextFileSync(new URL("../../docs/cli.md", import.meta.url));
const ONE = "160de79e0ed526064d62e740c1c1312d";

/** A call of each command whose document is its own. */
const CALLS: readonly (readonly string[])[] = [
  ["list", "blocks", "--all"],
  ["list", "compaction-summary"],
  ["list", "cache-summary"],
  ["view", "block", GOLDEN_TENANT, GOLDEN_V5],
  ["view", "schema", GOLDEN_TENANT, GOLDEN_V5],
  ["view", "column", GOLDEN_TENANT, GOLDEN_V5, "TraceID"],
  ["verify", "block", GOLDEN_TENANT, GOLDEN_V5],
  ["analyse", "block", GOLDEN_TENANT, GOLDEN_V5],
  ["query", "trace-summary", GOLDEN_TENANT, ONE],
  ["rewrite-blocks", "drop-traces", GOLDEN_TENANT, ONE, "--dry-run"],
  ["rewrite-blocks", "drop-traces", GOLDEN_TENANT, ONE, "--yes"],
  ["convert", "4to5", GOLDEN_TENANT, "--dry-run"],
  ["convert", "4to5", GOLDEN_TENANT, "--yes"],
];

Deno.test("the manual names every command", () => {
  for (const { name } of COMMANDS) assert.ok(manual.includes(name), name);
});

Deno.test("the manual names every key of every JSON document", async () => {
  for (const args of CALLS) {
    const store = await goldenStore(["v5-default", "v4-default"]);
    // Each is rewritten once, so the block to convert is there for its own call.
    const own = args[0] === "rewrite-blocks" ? [...args, "--block", GOLDEN_V5] : args;
    const { code, err, json } = await cli(store, [...own, "--json"]);
    assert.equal(code, 0, err);
    const keys = new Set<string>();
    keysOf(json(), keys);
    for (const key of keys) assert.ok(manual.includes(`\`${key}`), `${args.join(" ")}: ${key}`);
  }
});

/** What lies below `meta` and `removed` is another's, or told in a word. */
function keysOf(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) { for (const one of value) keysOf(one, into); }
  else if (typeof value === "object" && value !== null) {
    for (const [key, below] of Object.entries(value)) {
      into.add(key);
      if (key !== "meta" && key !== "suggested") keysOf(below, into);
    }
  }
}
