// Kernel: fills a request template with the ids, times and values of one sending.
// All of them follow from the nonces of the traces, so that nothing has to be remembered to know
// later what was sent. 0.3 µs a span; bench: deno run -A bench/load/patch_speed.ts
import { PatchKind } from "./piece.ts";
import type { RequestTemplate } from "./template.ts";

/** The traces of one wave as they are sent now; one entry for each. */
export interface WaveTraces {
  /** Two words that make everything of the trace. */
  readonly nonce: Uint32Array;
  /** Start in nanoseconds, low and high word. */
  readonly startLow: Uint32Array;
  readonly startHigh: Uint32Array;
  /** Stretches the template's times, so that durations differ. */
  readonly stretch: Float64Array;
}

/** Who call again and again. */
const USERS = 7_500;

const HEX = new TextEncoder().encode("0123456789abcdef");

export function patchRequest(template: RequestTemplate, traces: WaveTraces): void {
  const { bytes, kind, at, trace, span, parent, detail } = template;
  const { nonce, startLow, startHigh, stretch } = traces;
  for (let i = 0; i < kind.length; i++) {
    const t = trace[i]!;
    const a = nonce[2 * t]!;
    const b = nonce[2 * t + 1]!;
    const to = at[i]!;
    switch (kind[i]) {
      case PatchKind.TraceId:
        putTraceId(bytes, to, a, b);
        break;
      case PatchKind.SpanId:
        putSpanId(bytes, to, a, b, span[i]!);
        break;
      case PatchKind.ParentId:
        putSpanId(bytes, to, a, b, parent[i]!);
        break;
      case PatchKind.Start:
      case PatchKind.End:
      case PatchKind.Moment: {
        const low = startLow[t]! + Math.floor(detail[i]! * stretch[t]!);
        putWord(bytes, to, low >>> 0);
        putWord(bytes, to + 4, startHigh[t]! + Math.floor(low / 2 ** 32));
        break;
      }
      case PatchKind.LinkTraceId:
        putTraceId(bytes, to, mix(a, 7), b);
        break;
      case PatchKind.LinkSpanId:
        putSpanId(bytes, to, mix(a, 7), b, 1);
        break;
      case PatchKind.RequestId:
        putRequestId(bytes, to, a, b);
        break;
      case PatchKind.UserDigits:
        putDigits(bytes, to, 6, mix(a, 11) % USERS);
        break;
      default:
        putDigits(bytes, to, detail[i]!, mix(mix(a, i), b));
    }
  }
}

/** Two rounds of murmur3's finalizer: any bit of the input moves all of the output. */
export function mix(a: number, b: number): number {
  let h = (a ^ Math.imul(b, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

export function putTraceId(bytes: Uint8Array, at: number, a: number, b: number): void {
  // The nonce itself is part of the id, so two traces never share one.
  putWord(bytes, at, mix(a, 1) ^ b);
  putWord(bytes, at + 4, a);
  putWord(bytes, at + 8, mix(b, 2) ^ a);
  putWord(bytes, at + 12, b);
}

function putSpanId(bytes: Uint8Array, at: number, a: number, b: number, span: number): void {
  putWord(bytes, at, mix(a, 2 * span + 101));
  putWord(bytes, at + 4, mix(b, 2 * span + 102) | 1);
}

export function putRequestId(bytes: Uint8Array, at: number, a: number, b: number): void {
  let to = at;
  for (let word = 0; word < 4; word++) {
    const value = mix(word % 2 === 0 ? a : b, 31 + word);
    for (let digit = 0; digit < 8; digit++) {
      const place = word * 8 + digit;
      if (place === 8 || place === 12 || place === 16 || place === 20) bytes[to++] = 45;
      bytes[to++] = HEX[(value >>> (digit * 4)) & 15]!;
    }
  }
}

function putDigits(bytes: Uint8Array, at: number, count: number, value: number): void {
  for (let i = count - 1; i >= 0; i--) {
    bytes[at + i] = 48 + value % 10;
    value = Math.floor(value / 10);
  }
}
