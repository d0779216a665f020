// The same questions with and without kept answers, in every order and over every range of time.
import assert from "node:assert/strict";
import fc from "fast-check";

import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  CACHE_ROLES,
  type CachesConfig,
  MemoryObjectStore,
  openCaches,
  type RoleCache,
} from "../../storage/mod.ts";
import { putBlock, T0_MS, TENANT } from "../../tests/support/small_blocks.ts";
import type { QueryCost, QueryRequest, SearchRequest } from "../engine/mod.ts";
import { BlockScanner } from "./block_scanner.ts";
import { ANSWERS, type Kept, KeptAnswers } from "./kept_answers.ts";

const SECONDS = T0_MS / 1000;
const CONFIG: CachesConfig = {
  bytesMax: Object.fromEntries(
    CACHE_ROLES.map((role) => [role, 1 << 22]),
  ) as CachesConfig["bytesMax"],
  secondTiers: [],
  bloomLevelMin: 0,
  bloomAgeMaxMs: 0,
};
const OPTIONS = { cacheBytesMax: 1 << 24, scansMax: 1, findsMax: 2 };
const signal = new AbortController().signal;

/** Spans lie a millisecond apart, fifteen to a trace; the second block's meta is later than what is in it. */
async function scene() {
  const store = new MemoryObjectStore();
  const spans = (from: number) =>
    Array.from({ length: 1_200 }, (_, i) => [Math.floor((from + i) / 15) % 200, from + i] as const);
  const first = await putBlock(store, 1, spans(0), 450);
  const second = await putBlock(store, 2, spans(1_000), 450);
  const shifted = { ...second, startTime: second.endTime };
  const runtime = createRuntime();
  const caches = await openCaches(runtime, CONFIG);
  const pause = () => Promise.resolve();
  return {
    runtime,
    blocks: [first, shifted] as BlockMeta[],
    plain: new BlockScanner(store, OPTIONS, pause),
    keeping: new BlockScanner(store, OPTIONS, pause, caches),
  };
}

const seconds = fc.integer({ min: -2, max: 5 });
const limit = fc.constantFrom(0, 1, 20);
/** Often beyond all spans, sometimes to the nanosecond one of theirs. */
const startBound = fc.integer({ min: -500, max: 3_000 })
  .map((ms) => BigInt(T0_MS + ms) * 1_000_000n);
const startBounds = fc.oneof(
  fc.constant({}),
  startBound.map((spansFromNano) => ({ spansFromNano })),
  startBound.map((spansToNano) => ({ spansToNano })),
);
const question: fc.Arbitrary<QueryRequest> = fc.tuple(seconds, seconds).chain(([a, b]) => {
  const [from, to] = a === b ? [0, 0] : [SECONDS + Math.min(a, b), SECONDS + Math.max(a, b)];
  const window = { tenant: TENANT, startSeconds: from, endSeconds: to };
  const nano = (value: number) => BigInt(value) * 1_000_000_000n;
  return fc.oneof(
    fc.record({
      kind: fc.constant("search" as const),
      ...constants(window),
      query: fc.constantFrom("{}", '{ resource.service.name = "s1" }'),
      limit: fc.constantFrom(3, 500),
      spansPerSpanSet: fc.constantFrom(1, 3),
      mostRecent: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("tags" as const),
      ...constants(window),
      scope: fc.constantFrom("", "resource"),
      query: fc.constantFrom("", '{ resource.service.name = "s1" }'),
    }),
    fc.record({
      kind: fc.constant("tag_values" as const),
      ...constants(window),
      tag: fc.constantFrom("resource.service.name", "name"),
      query: fc.constant(""),
      limit,
      bytesMax: fc.constant(0),
    }),
    fc.tuple(
      startBounds,
      fc.record({
        kind: fc.constant("metrics" as const),
        ...constants(window),
        query: fc.constantFrom("{} | rate()", "{} | max_over_time(duration) by (name)"),
        startNano: fc.constant(nano(from || SECONDS - 60)),
        endNano: fc.constant(nano(to || SECONDS + 60)),
        stepNano: fc.constantFrom(1_000_000_000n, 2_000_000_000n),
        isInstant: fc.boolean(),
        exemplars: fc.constantFrom(0, 0, 6),
        maxSeries: fc.constant(0),
      }),
    ).map(([bounds, request]) => ({ ...request, ...bounds })),
  );
});

function constants<T extends object>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  const all = Object.entries(values).map(([key, value]) => [key, fc.constant(value)]);
  return Object.fromEntries(all);
}

const seen = (answer: QueryCost) => ({ ...answer, inspectedBytes: 0 });

Deno.test("with kept answers every question is answered as without", async () => {
  const { runtime, blocks, plain, keeping } = await scene();
  await fc.assert(
    fc.asyncProperty(question, async (request) => {
      const without = await plain.scan(request, blocks, signal);
      for (let i = 0; i < 2; i++) {
        const kept = await keeping.scan(request, blocks, signal);
        assert.deepEqual(seen(kept.answer), seen(without.answer));
        assert.equal(kept.completedBlocks, without.completedBlocks);
      }
    }),
    { numRuns: 200 },
  );
  const hits = /requests_total\{role="frontend-search",outcome="hit"\} (\d+)/
    .exec(await runtime.metrics.text())![1];
  assert(Number(hits) > 100, `${hits} answers were kept and used`);
});

Deno.test("an answer does not fit a grid that lies otherwise over the step", async () => {
  const { blocks, plain, keeping } = await scene();
  for (const before of [4, 3, 2, 1]) {
    const request: QueryRequest = {
      kind: "metrics",
      tenant: TENANT,
      query: "{} | rate()",
      startNano: BigInt(SECONDS - before) * 1_000_000_000n,
      endNano: BigInt(SECONDS + 20) * 1_000_000_000n,
      stepNano: 2_000_000_000n,
      isInstant: false,
      startSeconds: 0,
      endSeconds: 0,
      exemplars: 0,
      maxSeries: 0,
    };
    const kept = await keeping.scan(request, blocks, signal);
    const without = await plain.scan(request, blocks, signal);
    assert.deepEqual(seen(kept.answer), seen(without.answer));
  }
});

Deno.test("a kept answer reads nothing, and another tenant, question or block has none", async () => {
  const { blocks, keeping } = await scene();
  const request: QueryRequest = {
    kind: "search",
    tenant: TENANT,
    query: "{}",
    limit: 500,
    spansPerSpanSet: 3,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
  };
  const store = keeping.store as MemoryObjectStore;
  const reads = async (request: QueryRequest, block: BlockMeta) => {
    keeping.cache.forget("");
    store.calls.read = 0;
    await keeping.scan(request, [block], signal);
    const caches = keeping.caches!;
    return [store.calls.read, caches] as const;
  };
  await reads(request, blocks[0]!);
  assert.equal((await keeping.scan(request, [blocks[0]!], signal)).answer.inspectedBytes, 0);
  const opens = async (request: QueryRequest, block: BlockMeta) => {
    let opened = 0;
    const get = keeping.cache.get.bind(keeping.cache);
    keeping.cache.get = (name, load) => {
      opened++;
      return get(name, load);
    };
    await keeping.scan(request, [block], signal);
    keeping.cache.get = get;
    return opened > 0;
  };
  assert.equal(await opens(request, blocks[0]!), false);
  assert.equal(await opens({ ...request, limit: 499 }, blocks[0]!), true);
  assert.equal(await opens({ ...request, spansPerSpanSet: 2 }, blocks[0]!), true);
  assert.equal(await opens({ ...request, query: "{ true }" }, blocks[0]!), true);
  assert.equal(await opens({ ...request, tenant: "other" }, blocks[0]!), true);
  assert.equal(await opens(request, blocks[1]!), true);
});

Deno.test("what is kept elsewhere comes back the same, and what cannot be read is no answer", async () => {
  const { blocks, keeping } = await scene();
  const kept: Kept[] = [];
  keeping.answers!.put = (_, value) => void kept.push(value);
  await fc.assert(
    fc.asyncProperty(question, async (request) => {
      await keeping.scan(request, blocks, signal);
    }),
    { numRuns: 40 },
  );
  assert(kept.length > 20);
  for (const value of kept) {
    const written = ANSWERS.encode(value);
    assert.deepEqual(ANSWERS.decode(written), value);
    assert(ANSWERS.sizeOf(value) > written.length / 3, `${ANSWERS.sizeOf(value)}`);
  }
  for (const text of ["garbage", "{}", '{"parts":["a",["x"]]}', "7", ""]) {
    assert.equal(ANSWERS.decode(new TextEncoder().encode(text)), undefined, text);
  }
});

Deno.test("answers that nobody asks for again, or that fit no other question, are not kept", () => {
  const cache = {} as RoleCache<Kept>;
  const asked = (changes: Partial<SearchRequest>): SearchRequest => ({
    kind: "search",
    tenant: "t",
    query: "{}",
    limit: 20,
    spansPerSpanSet: 3,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
    ...changes,
  });
  assert.ok(KeptAnswers.to(asked({}), cache));
  assert.equal(KeptAnswers.to(asked({ isExplained: true }), cache), undefined);
  assert.equal(KeptAnswers.to(asked({ page: { after: undefined } }), cache), undefined);
});
