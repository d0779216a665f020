// Metrics where live-stores and block-builders are processes of their own, so that nobody knows which blocks
// hold what a live-store still has: spans are divided by when they start.
//
//            blocks count                    live-stores count
//   ────────────────────────────────┤├──────────────────────────▶ start of span
//                              now − query_backend_after
//
// Rules: each span is counted in one of both places, to the nanosecond, and no interval moves; a side that has
// no part in the question's time is not asked. Live-stores must keep spans for longer than that, and blocks be
// there sooner.
import type { MetricsRequest } from "../engine/mod.ts";

export interface SharedCounting {
  /** Undefined: all spans of the question's time are in blocks. */
  readonly live: MetricsRequest | undefined;
  /** Undefined: none is. */
  readonly blocks: MetricsRequest | undefined;
}

export function sharedCounting(
  request: MetricsRequest,
  nowMs: number,
  backendAfterMs: number,
): SharedCounting {
  const dividedAt = BigInt(Math.floor(nowMs - backendAfterMs)) * 1_000_000n;
  // What is counted starts after the start, and no later than the end.
  return {
    live: dividedAt > request.endNano ? undefined : { ...request, spansFromNano: dividedAt },
    blocks: dividedAt <= request.startNano + 1n
      ? undefined
      : { ...request, spansToNano: dividedAt },
  };
}
