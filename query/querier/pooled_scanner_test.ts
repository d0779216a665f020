import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { CorruptionError, UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest, TagValuesAnswer, TagValuesRequest } from "../engine/mod.ts";
import { defaultJobOptions } from "./block_jobs.ts";
import type { FindResult, ScanResult } from "./block_scanner.ts";
import { PooledScanner } from "./pooled_scanner.ts";
import type { Scanner } from "./scan_pool.ts";

const signal = new AbortController().signal;
const blocks = (...names: string[]) =>
  names.map((blockID) => ({ blockID, size: 1, tenantID: "acme" }) as BlockMeta);
const request: TagValuesRequest = {
  kind: "tag_values",
  tenant: "acme",
  tag: "name",
  query: "",
  startSeconds: 0,
  endSeconds: 0,
  limit: 0,
  bytesMax: 0,
};

class FakeScanner implements Scanner {
  readonly asked: string[] = [];
  error: Error | undefined;

  scan<R extends QueryRequest>(_: R, blocks: readonly BlockMeta[]): Promise<ScanResult<R>> {
    const names = blocks.map(({ blockID }) => blockID);
    this.asked.push(...names);
    if (this.error !== undefined) return Promise.reject(this.error);
    const answer: TagValuesAnswer = {
      kind: "tag_values",
      values: names.map((value) => ({ type: "string", value })),
      inspectedTraces: 0,
      inspectedSpans: 0,
      inspectedBytes: 10,
    };
    return Promise.resolve({
      answer: answer as ScanResult<R>["answer"],
      completedBlocks: blocks.length,
    });
  }

  estimate(_: QueryRequest, blocks: readonly BlockMeta[]): Promise<number> {
    return Promise.resolve(blocks.length * 7);
  }

  find(_: Uint8Array, blocks: readonly BlockMeta[]): Promise<FindResult> {
    return Promise.resolve({
      traces: blocks.map(({ blockID }) => new TextEncoder().encode(blockID)),
      failedBlocks: blocks.filter(({ blockID }) => blockID > "c").map(({ blockID }) => blockID),
      isListStale: blocks.some(({ blockID }) => blockID === "a"),
    });
  }
}

function pool() {
  const scanners = [new FakeScanner(), new FakeScanner()];
  const runtime = createRuntime({ clock: new SimulatedClock() });
  return { scanners, runtime, all: new PooledScanner(runtime, scanners, defaultJobOptions) };
}

Deno.test("a job is done where its blocks live, always there, and its answers are one", async () => {
  const { scanners, all, runtime } = pool();
  for (let again = 0; again < 2; again++) {
    const { answer, completedBlocks } = await all.scan(request, blocks("a", "b", "c", "d"), signal);
    assert.equal(completedBlocks, 4);
    assert.equal(answer.inspectedBytes, 20);
    assert.deepEqual(answer.values.map(({ value }) => value).sort(), ["a", "b", "c", "d"]);
  }
  assert.deepEqual(scanners.map(({ asked }) => asked), [["a", "c", "a", "c"], [
    "b",
    "d",
    "b",
    "d",
  ]]);
  assert.equal(await all.estimate(request, blocks("a", "b", "c"), signal), 21);
  assert.doesNotMatch(await runtime.metrics.text(), /query_frontend/);
});

Deno.test("a find names what failed anywhere", async () => {
  const { all } = pool();
  const found = await all.find(new Uint8Array(16), blocks("a", "b", "e", "d"), signal);
  assert.deepEqual(found.traces.map((one) => new TextDecoder().decode(one)).sort(), [
    "a",
    "b",
    "d",
    "e",
  ]);
  assert.deepEqual(found.failedBlocks, ["d", "e"]);
  assert.ok(found.isListStale);
});

Deno.test("what fails fails the job, and is tried again by whoever asked", async () => {
  for (const error of [new UnavailableError("store away"), new CorruptionError("bad", 0)]) {
    const { all, scanners } = pool();
    scanners[1]!.error = error;
    await assert.rejects(all.scan(request, blocks("a", "b"), signal), error);
    assert.deepEqual(scanners[1]!.asked, ["b"]);
  }
});

Deno.test("values that are enough make other blocks needless", async () => {
  const { scanners } = pool();
  const jobs = blocks("a", "b", "c", "d", "e", "f", "g", "h");
  const one = new PooledScanner(createRuntime(), [scanners[0]!], {
    ...defaultJobOptions,
    batchMax: 1,
    lanes: 1,
  });
  const { answer } = await one.scan({ ...request, limit: 2 }, jobs, signal);
  assert.equal(answer.values.length, 2);
  assert.deepEqual(scanners[0]!.asked, ["a", "b"]);
});
