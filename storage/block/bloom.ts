// The trace-id bloom filter of a block: bits-and-blooms/bloom v3, sharded as Tempo does.
// Format: docs/formats/block.md.

import { check } from "../../lib/errors.ts";
import { hashes, hashTraceId } from "./murmur.ts";

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
    hashTraceId(traceId);
    for (let i = 0; i < this.#hashes; i++) {
      const bit = bitOf(i, this.#bits);
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

/** One id and many blooms: its places are found once, for nearly all blooms are of one size. */
export class BloomProbe {
  readonly #placesBySize = new Map<string, Int32Array>();

  constructor(readonly traceId: Uint8Array) {}

  mayBeIn(file: Uint8Array): boolean {
    const { bits, hashCount } = checkedHeader(file);
    const size = `${bits} ${hashCount}`;
    let places = this.#placesBySize.get(size);
    if (places === undefined) this.#placesBySize.set(size, places = this.#places(bits, hashCount));
    for (let i = 0; i < places.length; i++) {
      const bit = places[i]!;
      const at = HEADER_BYTES + (bit >> 6) * 8 + 7 - ((bit & 63) >> 3);
      if ((file[at]! >> (bit & 7) & 1) === 0) return false;
    }
    return true;
  }

  #places(bits: number, hashCount: number): Int32Array {
    hashTraceId(this.traceId);
    return Int32Array.from({ length: hashCount }, (_, i) => bitOf(i, bits));
  }
}

/** The number of bits stands there twice, and says how large the object is. */
function checkedHeader(file: Uint8Array): { bits: number; hashCount: number } {
  check(file.length >= HEADER_BYTES, "bloom without a header", 0);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const bits = view.getBigUint64(0);
  const hashCount = view.getBigUint64(8);
  const isWhole = bits > 0n && bits === view.getBigUint64(16) &&
    BigInt(file.length - HEADER_BYTES) === (bits + 63n) / 64n * 8n;
  check(isWhole, "bloom is of another size than its header says", 0);
  check(hashCount > 0n && hashCount <= BigInt(HASHES_MAX), `bloom of ${hashCount} hashes`, 8);
  return { bits: Number(bits), hashCount: Number(hashCount) };
}

const wordsOf = (bits: number) => Math.ceil(bits / 64);

/** FNV-1, not 1a. */
function fnv32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash, 16777619) ^ byte;
  return hash >>> 0;
}

/** Bit `i` of the id in `hashes`: (h[i % 2] + i * h[2 + …]) mod 2^64 mod bits. */
function bitOf(i: number, bits: number): number {
  const base = (i & 1) * 2;
  const step = 4 + (((i + (i & 1)) & 3) >> 1) * 2;
  const low = hashes[base]! + i * hashes[step]!;
  const carry = Math.floor(low / 4294967296);
  const high = (hashes[base + 1]! + i * hashes[step + 1]! + carry) >>> 0;
  // In two halves, so that products stay below 2^53 for any object that fits into memory.
  const rest = modulo(modulo(high, bits) * 65536 + (low >>> 0 >>> 16), bits);
  return modulo(rest * 65536 + (low & 65535), bits);
}

/** Of natural numbers below 2^53; the operator goes another way beyond 2^31, ten times as long. */
function modulo(value: number, by: number): number {
  const rest = value - Math.floor(value / by) * by;
  return rest < 0 ? rest + by : rest >= by ? rest - by : rest;
}
