import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { encodeSegmentHead, listSegments, readSegmentHead, segmentName } from "./segment_head.ts";

const offset = fc.maxSafeNat();
const heads = fc.record({
  segment: fc.integer({ min: 1, max: 1e9 }),
  createdMs: fc.nat(),
  nextOffsets: fc.array(fc.tuple(fc.nat(0xffffffff), offset), { maxLength: 40 }).map((of) =>
    new Map(of)
  ),
  endBytes: fc.array(fc.tuple(fc.nat(), offset), { maxLength: 1500 }).map((of) => new Map(of)),
  torn: fc.array(
    fc.tuple(fc.nat(), offset, offset).map(([segment, fromByte, toByte]) => ({
      segment,
      fromByte,
      toByte,
    })),
    {
      maxLength: 5,
    },
  ),
});

async function stored(bytes: Uint8Array) {
  const file = await new SimulatedDisk().mount().open("head", "create");
  await file.write(bytes, 0);
  await file.write(new Uint8Array(30), bytes.length);
  return file;
}

Deno.test("segment head is read as it was written, also when it is large", async () => {
  await fc.assert(fc.asyncProperty(heads, async (head) => {
    const bytes = encodeSegmentHead(head);
    const read = await readSegmentHead(await stored(bytes), head.segment);
    assert.deepEqual(read, { ...head, sizeBytes: bytes.length });
  }));
});

Deno.test("segment head with any byte changed, cut short or of another segment is none", async () => {
  const mask = fc.integer({ min: 1, max: 255 });
  await fc.assert(fc.asyncProperty(heads, fc.nat(), mask, async (head, choice, mask) => {
    const bytes = encodeSegmentHead(head);
    assert.equal(await readSegmentHead(await stored(bytes), head.segment + 1), undefined);
    const cut = bytes.subarray(0, choice % bytes.length);
    const file = await new SimulatedDisk().mount().open("cut", "create");
    await file.write(cut, 0);
    assert.equal(await readSegmentHead(file, head.segment), undefined);
    bytes[choice % bytes.length]! ^= mask;
    assert.equal(await readSegmentHead(await stored(bytes), head.segment), undefined);
  }));
});

Deno.test("segments are listed in the order of their numbers, other files are not", async () => {
  const directory = new SimulatedDisk().mount();
  const names = [12, 9, 10_000_000_000, 100].map(segmentName);
  for (const name of [...names, "groups.json", "lock", "0000000009.log.damaged", "7.log"]) {
    await directory.open(name, "create");
  }
  assert.deepEqual(await listSegments(directory), [9, 12, 100, 10_000_000_000]);
});
