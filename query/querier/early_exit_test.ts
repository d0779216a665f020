import assert from "node:assert/strict";
import type { BlockMeta } from "../../model/block_meta.ts";
import type {
  SearchAnswer,
  SearchRequest,
  TagValuesAnswer,
  TagValuesRequest,
} from "../engine/mod.ts";
import { progressOf } from "../engine/mod.ts";
import { canStop } from "./early_exit.ts";

const request: SearchRequest = {
  kind: "search",
  tenant: "t",
  query: "{}",
  limit: 2,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
};

function answerOf(...startSeconds: number[]): SearchAnswer {
  return {
    kind: "search",
    inspectedTraces: 0,
    inspectedSpans: 0,
    inspectedBytes: 0,
    traces: startSeconds.map((seconds, i) => ({
      traceId: String(i),
      rootServiceName: "",
      rootTraceName: "",
      startUnixNano: BigInt(seconds) * 1_000_000_000n,
      durationNano: 0n,
      spanSets: [],
      serviceStats: {},
    })),
  };
}

const block = (endTime: string) => ({ endTime } as BlockMeta);

Deno.test("a search stops when it has its traces", () => {
  assert.equal(canStop(request, progressOf(answerOf(9)), block("1970-01-01T00:00:00Z")), false);
  assert.equal(canStop(request, progressOf(answerOf(9, 8)), block("1970-01-01T00:10:00Z")), true);
});

Deno.test("a search for the most recent goes on while a block may have newer ones", () => {
  const recent = { ...request, mostRecent: true };
  assert.equal(canStop(recent, progressOf(answerOf(9, 8)), block("1970-01-01T00:00:08Z")), false);
  assert.equal(canStop(recent, progressOf(answerOf(9, 8)), block("1970-01-01T00:00:07.5Z")), true);
  assert.equal(canStop(recent, progressOf(answerOf(9)), block("1970-01-01T00:00:07Z")), false);
  assert.equal(canStop(recent, progressOf(answerOf(9, 8)), undefined), true);
});

Deno.test("tag values stop at their limit, if they have one", () => {
  const { query, tenant, startSeconds, endSeconds } = request;
  const values: TagValuesRequest = {
    ...{ kind: "tag_values", tag: ".a", query, tenant, startSeconds, endSeconds },
    limit: 2,
    bytesMax: 0,
  };
  const answer = (n: number): TagValuesAnswer => ({
    ...answerOf(),
    kind: "tag_values",
    values: Array.from({ length: n }, (_, i) => ({ type: "string", value: String(i) })),
  });
  assert.equal(canStop(values, progressOf(answer(1)), undefined), false);
  assert.equal(canStop(values, progressOf(answer(2)), undefined), true);
  assert.equal(canStop({ ...values, limit: 0 }, progressOf(answer(2)), undefined), false);
});
