// The command line finds every golden trace in blocks of both versions, with the spans the peer finds.
import assert from "node:assert/strict";
import { cli } from "../cmd/cli/cli_testing.ts";
import { spansOfTrace } from "../cmd/cli/trace_tree.ts";
import { type JsonObject, tracesJson } from "../model/otlp_json.ts";
import { combineTraces } from "../query/querier/mod.ts";
import { goldenFinds } from "./support/golden_blocks.ts";
import { GOLDEN_TENANT, GOLDEN_V4, GOLDEN_V5, goldenStore } from "./support/golden_store.ts";

const store = await goldenStore();
const index = JSON.parse(
  Deno.readTextFileSync(new URL("./golden/traces/index.json", import.meta.url)),
);

for (const [name, blockId] of [["v5-default", GOLDEN_V5], ["v4-default", GOLDEN_V4]] as const) {
  Deno.test(`every golden trace is found by its id in ${name}`, async () => {
    const finds = new Map(goldenFinds(name).map((found) => [found.traceID, found]));
    assert.equal(index.traces.length, 126);
    for (const { traceID } of index.traces) {
      const args = ["query", "trace-id", GOLDEN_TENANT, traceID, "--block", blockId, "--json"];
      const found = await cli(store, args);
      assert.equal(found.code, 0, found.err);
      const ids = (trace: JsonObject) => spansOfTrace(trace).map(({ id }) => id).sort();
      // A frontend leaves out what was sent twice, and parts Zipkin's pairs.
      const should = combineTraces([finds.get(traceID)!.proto]);
      assert.deepEqual(ids(found.json().trace), ids(tracesJson(should.otlp)), traceID);
    }
  });
}
