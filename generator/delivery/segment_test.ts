import assert from "node:assert/strict";

import fc from "fast-check";

import { CorruptionError } from "../../lib/errors.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import {
  createSegment,
  frameOf,
  readFrame,
  readHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
} from "./segment.ts";

Deno.test("a segment's name has its number, and no other file has one", () => {
  for (const number of [1, 42, 123_456_789]) {
    assert.equal(segmentNumber(segmentName(number)), number);
  }
  for (const name of ["lock", "a.cursor", "1.segment", "00000001.segment.old"]) {
    assert.equal(segmentNumber(name), undefined);
  }
});

Deno.test("frames come out as they went in, and not at all with a false byte or in another segment", async () => {
  const payload = fc.uint8Array({ maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(payload, payload, fc.nat(), async (first, second, at) => {
      const disk = new SimulatedDisk();
      const directory = disk.mount();
      const file = await createSegment(directory, 7, 1_234);
      assert.deepEqual(await readHeader(file, 7), { createdMs: 1_234 });
      assert.equal(await readHeader(file, 8), undefined);
      const frames = [frameOf(first, 7), frameOf(second, 7)];
      await file.write(frames[0]!, SEGMENT_HEADER_BYTES);
      const next = SEGMENT_HEADER_BYTES + frames[0]!.length;
      await file.write(frames[1]!, next);
      const end = next + frames[1]!.length;
      assert.deepEqual([...await readFrame(file, 7, SEGMENT_HEADER_BYTES, end)], [...first]);
      assert.deepEqual([...await readFrame(file, 7, next, end)], [...second]);
      await assert.rejects(readFrame(file, 7, next, end - 1), CorruptionError);
      await assert.rejects(readFrame(file, 7, end, end), CorruptionError);
      if (first.length > 0) {
        await assert.rejects(readFrame(file, 8, SEGMENT_HEADER_BYTES, end), CorruptionError);
      }
      disk.flip(segmentName(7), next + at % frames[1]!.length);
      await assert.rejects(readFrame(file, 7, next, end), CorruptionError);
    }),
  );
});
