// The trace-id bloom filter of a block: bits-and-blooms/bloom v3, sharded as Tempo does.
// Format: docs/formats/block.md. 64-bit words are BigInts: 3 µs per id.

import { check } from "../../lib/errors.ts";

export interface BloomOptions {
  readonly falsePositiveRate: number;
  /** Of one object; how many there are follows from the number of traces. */
  readonly shardBytes: number;
}

export const defaultBloom: BloomOptions = { falsePositiveRate: 0.01, shardBytes: 102_400 };

const SHARDS_MAX = 1000;
const HEADER_BYTES = 24;
/** For one false positive in 10^19. */
const HASHES_MAX = 64;
const MASK = (1n << 64n) - 1n;

export class TraceIdBloom {
  readonly #shards: Uint8Array[];
  readonly #hashes: number;
  /** Of one shard. */
  readonly #bits: number;

  constructor(traces: number, { falsePositiveRate, shardBytes }: BloomOptions = defaultBloom) {
    const bits = Math.ceil(-traces * Math.log(falsePositiveRate) / Math.LN2 ** 2);
    this.#hashes = Math.min(HASHES_MAX, Math.ceil(Math.LN2 * bits / traces));
    this.#bits = shardBytes * 8;
    const shards = Math.min(SHARDS_MAX, Math.max(1, Math.ceil(bits / this.#bits)));
    this.#shards = Array.from({ length: shards }, () => new Uint8Array(wordsOf(this.#bits) * 8));
  }

  add(traceId: Uint8Array): void {
    const shard = this.#shards[fnv32(traceId) % this.#shards.length]!;
    const h = murmurPair(traceId);
    for (let i = 0; i < this.#hashes; i++) {
      const step = h[2 + (((i + (i % 2)) % 4) >> 1)]!;
      const bit = Number(((h[i % 2]! + BigInt(i) * step) & MASK) % BigInt(this.#bits));
      // Words of 64 bits are written big-endian.
      shard[(bit >> 6) * 8 + 7 - ((bit & 63) >> 3)]! |= 1 << (bit & 7);
    }
  }

  /** The objects bloom-0, bloom-1, … */
  files(): Uint8Array[] {
    return this.#shards.map((shard) => {
      const file = new Uint8Array(HEADER_BYTES + shard.length);
      const view = new DataView(file.buffer);
      view.setBigUint64(0, BigInt(this.#bits));
      view.setBigUint64(8, BigInt(this.#hashes));
      view.setBigUint64(16, BigInt(this.#bits));
      file.set(shard, HEADER_BYTES);
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
  return new BloomProbe(traceId).mayBeIn(file);
}

/** One id and many blooms: its hashes are made once, for nearly all blooms are of one size. */
export class BloomProbe {
  #hashes: readonly bigint[] | undefined;
  readonly #placesBySize = new Map<string, Int32Array>();

  constructor(readonly traceId: Uint8Array) {}

  mayBeIn(file: Uint8Array): boolean {
    const { bits, hashes } = checkedHeader(file);
    const size = `${bits} ${hashes}`;
    let places = this.#placesBySize.get(size);
    if (places === undefined) this.#placesBySize.set(size, places = this.#places(bits, hashes));
    for (let i = 0; i < places.length; i++) {
      const bit = places[i]!;
      const at = HEADER_BYTES + (bit >> 6) * 8 + 7 - ((bit & 63) >> 3);
      if ((file[at]! >> (bit & 7) & 1) === 0) return false;
    }
    return true;
  }

  #places(bits: bigint, hashes: number): Int32Array {
    const h = this.#hashes ??= murmurPair(this.traceId);
    return Int32Array.from({ length: hashes }, (_, i) => {
      const step = h[2 + (((i + (i % 2)) % 4) >> 1)]!;
      return Number(((h[i % 2]! + BigInt(i) * step) & MASK) % bits);
    });
  }
}

/** The number of bits stands there twice, and says how large the object is. */
function checkedHeader(file: Uint8Array): { bits: bigint; hashes: number } {
  check(file.length >= HEADER_BYTES, "bloom without a header", 0);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const bits = view.getBigUint64(0);
  const hashes = view.getBigUint64(8);
  const isWhole = bits > 0n && bits === view.getBigUint64(16) &&
    BigInt(file.length - HEADER_BYTES) === (bits + 63n) / 64n * 8n;
  check(isWhole, "bloom is of another size than its header says", 0);
  check(hashes > 0n && hashes <= BigInt(HASHES_MAX), `bloom of ${hashes} hashes`, 8);
  return { bits, hashes: Number(hashes) };
}

const wordsOf = (bits: number) => Math.ceil(bits / 64);

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
