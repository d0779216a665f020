import assert from "node:assert/strict";
import fc from "fast-check";
import {
  describeFrame,
  findMarker,
  FRAME_HEADER_BYTES,
  frameSize,
  isBodyTrue,
  readFrameHeader,
  RECORD_FRAME,
  sealFrame,
} from "./frame.ts";

interface Parts {
  readonly tenant: Uint8Array;
  readonly value: Uint8Array;
  readonly partition: number;
  readonly offset: number;
  readonly appendedMs: number;
  readonly durableBytes: number;
  readonly segment: number;
}

const parts: fc.Arbitrary<Parts> = fc.record({
  tenant: fc.uint8Array({ maxLength: 40 }),
  value: fc.uint8Array({ maxLength: 200 }),
  partition: fc.nat(0xffffffff),
  offset: fc.maxSafeNat(),
  appendedMs: fc.double({ min: 0, max: 1e13, noNaN: true }),
  durableBytes: fc.maxSafeNat(),
  segment: fc.integer({ min: 1, max: 0x7ffffffe }),
});

function sealed({ tenant, value, segment, ...rest }: Parts, at: number): Uint8Array {
  const bytes = new Uint8Array(at + frameSize(tenant.length, value.length)).fill(0xaa);
  const view = new DataView(bytes.buffer);
  bytes.set(tenant, at + FRAME_HEADER_BYTES);
  bytes.set(value, at + FRAME_HEADER_BYTES + tenant.length);
  const { partition, appendedMs, offset, durableBytes } = rest;
  describeFrame(view, at, RECORD_FRAME, partition, tenant.length, value.length, appendedMs);
  sealFrame(bytes, view, at, segment, offset, durableBytes);
  return bytes;
}

function isTrue(bytes: Uint8Array, at: number, segment: number): boolean {
  const header = readFrameHeader(bytes, new DataView(bytes.buffer), at, segment);
  return header !== undefined && at + header.sizeBytes <= bytes.length &&
    isBodyTrue(bytes, at, header, segment);
}

Deno.test("frame says again what it was told", () => {
  fc.assert(fc.property(parts, fc.nat(5), (given, eighths) => {
    const at = 8 * eighths;
    const bytes = sealed(given, at);
    assert.equal(findMarker(bytes, 0, bytes.length), at);
    const header = readFrameHeader(bytes, new DataView(bytes.buffer), at, given.segment)!;
    assert.equal(header.partition, given.partition);
    assert.equal(header.offset, given.offset);
    assert.equal(header.appendedMs, given.appendedMs);
    assert.equal(header.durableBytes, given.durableBytes);
    assert.equal(header.tenantSize, given.tenant.length);
    assert.equal(header.valueSize, given.value.length);
    assert.equal(at + header.sizeBytes, bytes.length);
    assert.ok(isTrue(bytes, at, given.segment));
  }));
});

Deno.test("frame with any byte changed, or of another segment, is false", () => {
  fc.assert(
    fc.property(parts, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, choice, mask) => {
      const bytes = sealed(given, 0);
      const written = FRAME_HEADER_BYTES + given.tenant.length + given.value.length;
      assert.ok(!isTrue(bytes, 0, given.segment ^ 1));
      bytes[choice % written]! ^= mask;
      assert.ok(!isTrue(bytes, 0, given.segment));
    }),
  );
});

Deno.test("frame is padded with zeros to a multiple of 8", () => {
  for (let size = 0; size < 20; size++) {
    const value = new Uint8Array(size).fill(7);
    const bytes = sealed({
      tenant: new Uint8Array(1),
      value,
      partition: 0,
      offset: 0,
      appendedMs: 0,
      durableBytes: 0,
      segment: 1,
    }, 0);
    assert.equal(bytes.length % 8, 0);
    assert.ok(bytes.subarray(FRAME_HEADER_BYTES + 1 + size).every((byte) => byte === 0));
  }
});
