import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import type { SearchRequest } from "../../query/engine/mod.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import { fastClock } from "../../tests/support/fast_clock.ts";
import { decodeOtlp } from "../../tests/support/otlp.ts";
import { newRecord, traceIdOf } from "../../tests/support/records.ts";
import { spanIdsOf } from "../../tests/support/visible_spans.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { type HostOptions, PartitionHost } from "./partition_host.ts";

const TENANT = "single-tenant";
const NEVER = new AbortController().signal;

const search = (query: string, limit = 20): SearchRequest => ({
  kind: "search",
  tenant: TENANT,
  query,
  limit,
  spansPerSpanSet: 0,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
});

function aHost(overrides: Partial<HostOptions> = {}) {
  const runtime = createRuntime({ clock: fastClock() });
  const log = new MemoryLog(runtime, { partitions: 2 });
  const store = new MemoryObjectStore();
  const announced: BlockMeta[] = [];
  const host = new PartitionHost(runtime, {
    log,
    store,
    limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
    announce: ({ blocks }) => {
      announced.push(...blocks);
      return Promise.resolve();
    },
    pause: nextTurn,
    folded() {},
  }, {
    partitions: [0, 1],
    cut: { spansMax: 1000, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
    codec: "snappy",
    spansPerRowGroup: 80_000,
    timeSlackMs: 120_000,
    readBytesMax: 1 << 20,
    readWaitMs: 50,
    ...overrides,
  });
  return { log, store, host, announced };
}

async function ready(host: PartitionHost): Promise<void> {
  while (!host.status().every(({ isReady }) => isReady)) await nextTurn();
}

/** Folding is asynchronous to appending. */
async function folded(host: PartitionHost, spans: number): Promise<void> {
  const liveSpans = () => host.status().reduce((sum, status) => sum + status.liveSpans, 0);
  while (liveSpans() < spans) await nextTurn();
}

Deno.test("a search is answered from every partition, of its tenant alone", async () => {
  const { log, host } = aHost();
  const run = host.run(NEVER);
  await ready(host);
  await log.append([
    newRecord(0, TENANT, [{ trace: 1, spans: [1, 2] }]),
    newRecord(1, TENANT, [{ trace: 2, spans: [3] }]),
    newRecord(1, "other", [{ trace: 3, spans: [4] }]),
  ]);
  await folded(host, 4);
  const answer = await host.query(search(`{ resource.service.name = "cart" }`), NEVER);
  assert.deepEqual(
    answer.traces.map(({ traceId }) => traceId).sort(),
    [1, 2].map((n) => traceIdOf(n).toHex()).sort(),
  );
  for (const [only, traces] of [[[1], [2]], [[0], [1]], [[5], []], [[0, 1], [1, 2]]]) {
    const some = await host.query({ ...search("{}"), onlyPartitions: only! }, NEVER);
    assert.deepEqual(
      some.traces.map(({ traceId }) => traceId).sort(),
      traces!.map((n) => traceIdOf(n).toHex()).sort(),
    );
  }
  host.drain();
  await run;
});

Deno.test("a trace is found by id with the spans of all its records", async () => {
  const { log, host } = aHost();
  const run = host.run(NEVER);
  await ready(host);
  await log.append([newRecord(0, TENANT, [{ trace: 1, spans: [1, 2] }, { trace: 9, spans: [7] }])]);
  await log.append([newRecord(0, TENANT, [{ trace: 1, spans: [3] }])]);
  await folded(host, 4);
  const found = host.findTrace(TENANT, traceIdOf(1)).map(decodeOtlp);
  const names = found.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap((r: { scopeSpans: { spans: { name: string }[] }[] }) =>
      r.scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))
    )
  );
  assert.deepEqual(names.sort(), ["span 1", "span 2", "span 3"]);
  assert.deepEqual(host.findTrace(TENANT, traceIdOf(5)), []);
  host.drain();
  await run;
});

Deno.test("a host that replays refuses to answer: it would leave acknowledged spans out", async () => {
  const { host } = aHost();
  await assert.rejects(host.query(search("{}"), NEVER), UnavailableError);
  assert.throws(() => host.findTrace(TENANT, traceIdOf(1)), /live-store is starting/);
});

Deno.test("LS-7: live data, then the block list: a span that moves between them is always seen", async () => {
  const { log, store, host, announced } = aHost({
    cut: { spansMax: 7, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
  });
  const run = host.run(NEVER);
  await ready(host);
  let appended = 0;
  const folding = (async () => {
    for (let record = 0; record < 60; record++) {
      const spans = [appended++, appended++, appended++];
      await log.append([newRecord(record % 2, TENANT, [{ trace: record, spans }])]);
      for (let i = 0; i < record % 7; i++) await nextTurn();
    }
  })();
  let queries = 0;
  const idsOf = new Map<string, string[]>();
  while (appended < 180 || queries < 20) {
    const known = host.status().reduce((sum, { nextOffset }) => sum + 3 * nextOffset, 0);
    const { traces } = await host.query(search("{}", 1000), NEVER);
    const blocks = [...announced]; // read after the live answer was asked for
    const seen = new Set(
      traces.flatMap(({ spanSets }) => spanSets.flatMap(({ spans }) => spans.map((s) => s.spanId))),
    );
    for (const meta of blocks) {
      const ids = idsOf.get(meta.blockID) ?? await spanIdsOf(store, meta);
      idsOf.set(meta.blockID, ids);
      ids.forEach((id) => seen.add(id));
    }
    assert.ok(seen.size >= known, `query ${queries}: ${seen.size} of ${known} spans seen`);
    queries++;
    await nextTurn();
  }
  await folding;
  host.drain();
  await run;
});
