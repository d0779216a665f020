// The token of a trace: 32-bit FNV-1 (multiply, then xor) over the tenant's bytes and the trace id.
// It is Tempo's, so that a trace lands in the same partition whoever distributes it.
// The tenant's part of the hash is the same for all its traces: compute it once, go on from there.
import { createHash } from "node:crypto";

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
const TRACE_ID_BYTES = 16;

const encoder = new TextEncoder();

/** The state of the hash after the tenant's name, from which `traceToken` goes on. */
export function tenantPrefix(tenant: string): number {
  const bytes = encoder.encode(tenant);
  return fnv1(OFFSET_BASIS, bytes, 0, bytes.length);
}

/** Of the random numbers that choose a tenant's partitions: the first 64 bits of an MD5. */
export function shardSeed(tenant: string): bigint {
  return createHash("md5").update(tenant).digest().readBigInt64BE(0);
}

/** The token of the trace whose id lies at `at`. */
export function traceToken(prefix: number, bytes: Uint8Array, at: number): number {
  return fnv1(prefix, bytes, at, at + TRACE_ID_BYTES);
}

function fnv1(hash: number, bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) hash = Math.imul(hash, PRIME) ^ bytes[i]!;
  return hash >>> 0;
}
