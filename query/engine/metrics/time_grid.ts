// The intervals of a metrics query: how a range is laid over the step, and where they end.
// Rule: the grid depends on nothing but the range and the step, so that parts add up.

import type { MetricsRequest } from "./metrics_answer.ts";

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
const INTERVALS_WANTED = 240n;
const GRANULARITIES = [3600n, 300n, 60n, 15n, 5n, 1n].map((seconds) => seconds * SECOND);
const SHORT_RANGE = 60n * SECOND;
const SHORT_GRANULARITY = 50n * MILLISECOND;

export interface TimeGrid {
  /** The first interval begins after it. */
  readonly startNano: bigint;
  readonly spanNano: number;
  readonly stepNano: number;
  readonly count: number;
}

export interface NanoRange {
  readonly startNano: bigint;
  readonly endNano: bigint;
}

/** About 240 intervals of a length that people would choose. */
export function autoStep({ startNano, endNano }: NanoRange): bigint {
  const range = endNano - startNano;
  const wanted = range / INTERVALS_WANTED;
  if (range < SHORT_RANGE) return atLeast(SHORT_GRANULARITY, floorTo(wanted, SHORT_GRANULARITY));
  const granularity = GRANULARITIES.find((one) => wanted > one) ?? SECOND;
  return atLeast(SECOND, floorTo(wanted, granularity));
}

/** Whole steps around a range, and one before: the sample at the start looks back. */
export function alignedTo({ startNano, endNano }: NanoRange, stepNano: bigint): NanoRange {
  return {
    startNano: floorTo(startNano, stepNano) - stepNano,
    endNano: floorTo(endNano + stepNano - 1n, stepNano),
  };
}

export function floorTo(nano: bigint, step: bigint): bigint {
  const rest = nano % step;
  return nano - (rest < 0n ? rest + step : rest);
}

const atLeast = (least: bigint, value: bigint) => value < least ? least : value;

type GridRequest = Pick<MetricsRequest, "startNano" | "endNano" | "stepNano" | "isInstant">;

export function gridOf({ startNano, endNano, stepNano, isInstant }: GridRequest): TimeGrid {
  const span = endNano - startNano;
  return {
    startNano,
    spanNano: Number(span),
    stepNano: Number(isInstant ? span : stepNano),
    count: isInstant ? 1 : Number((span + stepNano - 1n) / stepNano),
  };
}

/** Where each interval ends. */
export function timestampsMs({ startNano, endNano, stepNano, isInstant }: GridRequest): number[] {
  if (isInstant) return [Number(endNano / MILLISECOND)];
  const { count } = gridOf({ startNano, endNano, stepNano, isInstant });
  return Array.from(
    { length: count },
    (_, i) => Number((startNano + BigInt(i + 1) * stepNano) / MILLISECOND),
  );
}
