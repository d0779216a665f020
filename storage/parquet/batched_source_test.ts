import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptionError, UnavailableError } from "../../lib/errors.ts";
import { BatchedSource, type SourceRange } from "./batched_source.ts";

const file = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
const cut = ({ offset, sizeBytes }: SourceRange) => file.slice(offset, offset + sizeBytes);

Deno.test("batched source joins neighbours and keeps strangers apart", async () => {
  const asked: SourceRange[][] = [];
  const source = new BatchedSource(file.length, 10, (ranges) => {
    asked.push(ranges.map(({ offset, sizeBytes }) => ({ offset, sizeBytes })));
    return Promise.resolve(ranges.map(cut));
  });
  const late = Promise.resolve().then(() => source.read(110, 5));
  const parts = await Promise.all([
    source.read(500, 20),
    source.read(100, 5),
    late,
    source.read(0, 0),
  ]);
  assert.deepEqual(asked, [[{ offset: 100, sizeBytes: 15 }, { offset: 500, sizeBytes: 20 }]]);
  assert.deepEqual(parts[0], file.slice(500, 520));
  assert.deepEqual(parts[1], file.slice(100, 105));
  assert.deepEqual(parts[2], file.slice(110, 115));
  assert.equal(parts[3]!.length, 0);
});

Deno.test("batched source gives everyone the bytes they asked for", async () => {
  const range = fc.record({
    offset: fc.nat({ max: 900 }),
    sizeBytes: fc.nat({ max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(range, { maxLength: 20 }), fc.nat({ max: 200 }), async (all, gap) => {
      const source = new BatchedSource(
        file.length,
        gap,
        (ranges) => Promise.resolve(ranges.map(cut)),
      );
      const parts = await Promise.all(all.map((r) => source.read(r.offset, r.sizeBytes)));
      assert.deepEqual(parts.map((part) => [...part]), all.map((r) => [...cut(r)]));
    }),
  );
});

Deno.test("batched source leaves the widest gaps out where it would read too much", async () => {
  const range = fc.record({
    offset: fc.nat({ max: 900 }),
    sizeBytes: fc.integer({ min: 1, max: 60 }),
  });
  const ranges = fc.array(range, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(ranges, fc.nat({ max: 1000 }), async (all, bytesMax) => {
      const asked: SourceRange[] = [];
      const read = (ranges: readonly SourceRange[]) => {
        asked.push(...ranges);
        return Promise.resolve(ranges.map(cut));
      };
      const source = new BatchedSource(file.length, Infinity, read, bytesMax);
      const parts = await Promise.all(all.map((r) => source.read(r.offset, r.sizeBytes)));
      assert.deepEqual(parts.map((part) => [...part]), all.map((r) => [...cut(r)]));
      const wanted = new Set(
        all.flatMap((r) => Array.from({ length: r.sizeBytes }, (_, i) => r.offset + i)),
      );
      const bytes = asked.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      assert(bytes <= Math.max(bytesMax, wanted.size), `${bytes} of ${bytesMax}`);
      if (bytesMax >= file.length) assert.equal(asked.length, 1);
    }),
  );
});

Deno.test("batched source says that a file ends early, and passes weather on to all", async () => {
  const short = new BatchedSource(2000, 10, (ranges) => Promise.resolve(ranges.map(cut)));
  await assert.rejects(short.read(990, 20), CorruptionError);
  const storm = new BatchedSource(1000, 10, () => Promise.reject(new UnavailableError("storm")));
  const both = await Promise.allSettled([storm.read(0, 1), storm.read(900, 1)]);
  assert(both.every((one) => one.status === "rejected" && one.reason instanceof UnavailableError));
});
