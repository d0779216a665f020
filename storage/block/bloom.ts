// The trace-id bloom filter of a block: bits-and-blooms/bloom v3, sharded as Tempo does.
// Format: docs/formats/block.md. 64-bit words are BigInts: 3 µs per id.

import { check } from "../../lib/errors.ts";

const SHARD_BYTES = 102_400;
const FALSE_POSITIVE_RATE = 0.01;
const SHARDS_MAX = 1000;
const MASK = (1n << 64n) - 1n;

export class TraceIdBloom {
  readonly #shards: Uint8Array[];
  readonly #hashes: number;

  constructor(traces: number) {
    const bits = Math.ceil(-traces * Math.log(FALSE_POSITIVE_RATE) / Math.LN2 ** 2);
    this.#hashes = Math.ceil(Math.LN2 * bits / traces);
    const shards = Math.min(SHARDS_MAX, Math.max(1, Math.ceil(bits / (SHARD_BYTES * 8))));
    this.#shards = Array.from({ length: shards }, () => new Uint8Array(SHARD_BYTES));
  }

  add(traceId: Uint8Array): void {
    const shard = this.#shards[fnv32(traceId) % this.#shards.length]!;
    const h = murmurPair(traceId);
    for (let i = 0; i < this.#hashes; i++) {
      const step = h[2 + (((i + (i % 2)) % 4) >> 1)]!;
      const bit = Number(((h[i % 2]! + BigInt(i) * step) & MASK) % BigInt(SHARD_BYTES * 8));
      // Words of 64 bits are written big-endian.
      shard[(bit >> 6) * 8 + 7 - ((bit & 63) >> 3)]! |= 1 << (bit & 7);
    }
  }

  /** The objects bloom-0, bloom-1, … */
  files(): Uint8Array[] {
    return this.#shards.map((shard) => {
      const file = new Uint8Array(24 + SHARD_BYTES);
      const view = new DataView(file.buffer);
      view.setBigUint64(0, BigInt(SHARD_BYTES * 8));
      view.setBigUint64(8, BigInt(this.#hashes));
      view.setBigUint64(16, BigInt(SHARD_BYTES * 8));
      file.set(shard, 24);
      return file;
    });
  }
}

/** Which of a block's `shards` bloom objects an id belongs to. */
export function bloomShard(traceId: Uint8Array, shards: number): number {
  return fnv32(traceId) % shards;
}

/** Whether a bloom object may know an id; its own header says how many bits and hashes it has. */
export function bloomMayContain(file: Uint8Array, traceId: Uint8Array): boolean {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  check(file.length >= 24, "bloom without a header", 0);
  const bits = view.getBigUint64(0);
  const hashes = Number(view.getBigUint64(8));
  check(bits > 0n && bits <= BigInt(file.length - 24) * 8n && hashes <= 64, "bloom damaged", 0);
  const h = murmurPair(traceId);
  for (let i = 0; i < hashes; i++) {
    const step = h[2 + (((i + (i % 2)) % 4) >> 1)]!;
    const bit = Number(((h[i % 2]! + BigInt(i) * step) & MASK) % bits);
    if ((file[24 + (bit >> 6) * 8 + 7 - ((bit & 63) >> 3)]! >> (bit & 7) & 1) === 0) return false;
  }
  return true;
}

/** FNV-1, not 1a. */
function fnv32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash, 16777619) ^ byte;
  return hash >>> 0;
}

/** murmur3 x64 128 of the id, and of the id followed by a byte 1. */
function murmurPair(id: Uint8Array): bigint[] {
  const view = new DataView(id.buffer, id.byteOffset, 16);
  const c1 = 0x87c37b91114253d5n;
  const c2 = 0x4cf5ad432745937fn;
  const mix1 = (k: bigint) => rotl((k * c1) & MASK, 31n) * c2 & MASK;
  let h1 = mix1(view.getBigUint64(0, true));
  h1 = rotl(h1, 27n);
  h1 = (h1 * 5n + 0x52dce729n) & MASK;
  let h2 = rotl((view.getBigUint64(8, true) * c2) & MASK, 33n) * c1 & MASK;
  h2 = (rotl(h2, 31n) + h1) & MASK;
  h2 = (h2 * 5n + 0x38495ab5n) & MASK;
  return [...finish(h1, h2, 16n), ...finish(h1 ^ mix1(1n), h2, 17n)];
}

function finish(h1: bigint, h2: bigint, length: bigint): [bigint, bigint] {
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h1 = (h1 + h2) & MASK;
  return [h1, (h2 + h1) & MASK];
}

function avalanche(k: bigint): bigint {
  k = (k ^ (k >> 33n)) * 0xff51afd7ed558ccdn & MASK;
  k = (k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n & MASK;
  return k ^ (k >> 33n);
}

function rotl(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & MASK;
}
