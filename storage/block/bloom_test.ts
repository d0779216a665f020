import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../lib/random.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { goldenBlock } from "../../tests/support/golden_blocks.ts";
import { allGoldenSpans } from "../../tests/support/golden_traces.ts";
import { bloomKey } from "../../model/block_meta.ts";
import { bloomMayContain, BloomProbe, bloomShard, defaultBloom, TraceIdBloom } from "./bloom.ts";

const id = () => fc.uint8Array({ minLength: 16, maxLength: 16 });

Deno.test("an id that was added may be there", () => {
  fc.assert(fc.property(fc.array(id(), { minLength: 1, maxLength: 50 }), (ids) => {
    const bloom = new TraceIdBloom(ids.length);
    for (const id of ids) bloom.add(id);
    const files = bloom.files();
    for (const id of ids) {
      assert.ok(bloomMayContain(files[bloomShard(id, files.length)]!, id));
    }
  }));
});

Deno.test("one probe of many blooms, of different sizes, says what each alone does", () => {
  const random = seededRandom(5);
  const next = () => random.fill(new Uint8Array(16));
  const files = Array.from({ length: 30 }, (_, i) => {
    const bloom = new TraceIdBloom(1 + i * 5, { ...defaultBloom, shardBytes: 1024 << i % 3 });
    for (let k = 0; k < 20_000; k++) if (k % 30 === i) bloom.add(next());
    return bloom.files()[0]!;
  });
  for (let i = 0; i < 200; i++) {
    const id = next();
    const probe = new BloomProbe(id);
    for (const file of files) assert.equal(probe.mayBeIn(file), bloomMayContain(file, id));
  }
});

Deno.test("golden bloom is the same bytes, and knows its traces", async () => {
  const { traces } = allGoldenSpans();
  const bloom = new TraceIdBloom(traces.length);
  for (let row = 0; row < traces.length; row++) bloom.add(traces.id(row));
  const { store, meta } = await goldenBlock("v5-default");
  const peer = await store.read(bloomKey(meta.tenantID, meta.blockID, 0));
  assert.deepEqual(bloom.files(), [new Uint8Array(peer)]);
});

Deno.test("the peer's blooms of several shards know the traces too", async () => {
  const { store, meta } = await goldenBlock("v5-small-groups");
  const { traces } = allGoldenSpans();
  assert.ok(meta.bloomShards > 1);
  for (let row = 0; row < traces.length; row++) {
    const shard = bloomShard(traces.id(row), meta.bloomShards);
    const file = await store.read(bloomKey(meta.tenantID, meta.blockID, shard));
    assert.ok(bloomMayContain(file, traces.id(row)));
  }
});

Deno.test("a bloom of any size and rate knows what was added, and says its own size", () => {
  const options = fc.record({
    falsePositiveRate: fc.constantFrom(0.5, 0.05, 0.01, 1e-6, 1e-30),
    shardBytes: fc.constantFrom(1, 7, 50, 1000, 102_400),
  });
  fc.assert(
    fc.property(fc.array(id(), { minLength: 1, maxLength: 30 }), options, (ids, options) => {
      const bloom = new TraceIdBloom(ids.length, options);
      for (const id of ids) bloom.add(id);
      const files = bloom.files();
      for (const id of ids) {
        assert.ok(bloomMayContain(files[bloomShard(id, files.length)]!, id));
      }
    }),
  );
});

Deno.test("a header that does not fit its bloom is damage, whichever byte of it", () => {
  const bloom = new TraceIdBloom(100, { falsePositiveRate: 0.01, shardBytes: 50 });
  const traceId = new Uint8Array(16).fill(3);
  bloom.add(traceId);
  const files = bloom.files();
  const file = files[bloomShard(traceId, files.length)];
  for (let at = 0; at < 24; at++) {
    for (const by of [1, 64, 255]) {
      const damaged = file!.slice();
      damaged[at]! ^= by;
      try {
        const mayContain = bloomMayContain(damaged, traceId);
        // Fewer hashes than there are still know every id.
        assert.ok(mayContain && at >= 8 && at < 16, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof CorruptionError, String(error));
      }
    }
  }
  assert.throws(() => bloomMayContain(file!.subarray(0, -8), traceId), CorruptionError);
  assert.throws(() => bloomMayContain(new Uint8Array(10), traceId), CorruptionError);
});

Deno.test("shards grow with the traces, and one id in a hundred is wrongly believed at most", () => {
  const random = seededRandom(3);
  const next = () => random.fill(new Uint8Array(16));
  const count = 100_000;
  const bloom = new TraceIdBloom(count);
  for (let i = 0; i < count; i++) bloom.add(next());
  const files = bloom.files();
  assert.equal(files.length, 2);
  let believed = 0;
  for (let i = 0; i < 5000; i++) {
    const id = next();
    if (bloomMayContain(files[bloomShard(id, files.length)]!, id)) believed++;
  }
  assert.ok(believed < 75, `${believed} of 5000`);
});
