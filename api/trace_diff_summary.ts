// How two traces differ, in short: what has changed in which services, what stands out, and how far it can be
// believed. The composed form has the patch with it, unless that is large.
// What is in `signals`, `trust` and `services` is ours; the names around them are the peer's (api.md §1.3).
import type { DiffNode } from "./diff_tree.ts";
import { type MatchedTraces, matchTraces, type TracePatch, tracePatch } from "./trace_diff.ts";
import type { DiffFormat } from "./trace_diff_params.ts";

export type SummaryVersion = Exclude<DiffFormat, TracePatch["version"]>;

export interface ServiceDiff {
  readonly service: string;
  readonly spanCountA: number;
  readonly spanCountB: number;
  readonly errorCountA: number;
  readonly errorCountB: number;
  /** Of its spans without what their children took, added up. */
  readonly selfNanosA: number;
  readonly selfNanosB: number;
  readonly added: number;
  readonly removed: number;
  readonly modified: number;
}

export interface DiffSignal {
  readonly type: "duration" | "errors" | "self_time" | "service_added" | "service_removed";
  /** Not of the whole trace. */
  readonly service?: string;
  readonly before: number;
  readonly after: number;
}

export interface TraceSummary {
  readonly version: SummaryVersion;
  readonly base: TracePatch["base"];
  readonly compare: TracePatch["compare"];
  readonly signals: readonly DiffSignal[];
  readonly trust: {
    readonly level: "high" | "medium" | "low";
    /** Spans that stand for each other, of all that either trace has. */
    readonly matchedShare: number;
    readonly reasons: readonly string[];
  };
  readonly stats: TracePatch["stats"];
  readonly warnings: readonly string[];
  readonly changedServices: readonly string[];
  readonly services: readonly ServiceDiff[];
  readonly patch?: TracePatch;
  readonly patchOmitted?: { readonly bytes: number; readonly reason: "over_budget" };
}

const PATCH_BYTES_MAX = 64 * 1024;
/** Times that differ by less say nothing. */
const RATIO_MIN = 1.25;
const NANOS_MIN = 1_000_000;
const HIGH_SHARE = 0.9;
const LOW_SHARE = 0.5;

/** Of two TracesData messages, in any form. */
export function traceDiff(
  base: Uint8Array,
  compare: Uint8Array,
  format: DiffFormat,
): TracePatch | TraceSummary {
  const matched = matchTraces(base, compare);
  return format === "trace-patch-v0" ? tracePatch(matched) : traceSummary(matched, format);
}

export function traceSummary(matched: MatchedTraces, version: SummaryVersion): TraceSummary {
  const patch = tracePatch(matched);
  const services = servicesOf(matched, patch);
  const { base, compare, stats, warnings } = patch;
  const summary = {
    version,
    base,
    compare,
    signals: [...signalsOf(matched, services)],
    trust: trustOf(patch),
    stats,
    warnings,
    changedServices: services.filter(isChanged).map(({ service }) => service),
    services,
  };
  if (version === "trace-summary-v0-native") return summary;
  const bytes = new TextEncoder().encode(JSON.stringify(patch)).length;
  if (bytes <= PATCH_BYTES_MAX) return { ...summary, patch };
  return { ...summary, patchOmitted: { bytes, reason: "over_budget" } };
}

type Sums = { -readonly [K in keyof ServiceDiff]: ServiceDiff[K] };

function servicesOf({ base, compare }: MatchedTraces, patch: TracePatch): ServiceDiff[] {
  const services = new Map<string, Sums>();
  const sumsOf = (service: string) => {
    let sums = services.get(service);
    if (sums === undefined) {
      sums = {
        service,
        spanCountA: 0,
        spanCountB: 0,
        errorCountA: 0,
        errorCountB: 0,
        selfNanosA: 0,
        selfNanosB: 0,
        added: 0,
        removed: 0,
        modified: 0,
      };
      services.set(service, sums);
    }
    return sums;
  };
  for (const node of base.inOrder()) {
    const sums = sumsOf(node.service);
    sums.spanCountA++;
    sums.selfNanosA += selfNanos(node);
    if (node.status === "error") sums.errorCountA++;
  }
  for (const node of compare.inOrder()) {
    const sums = sumsOf(node.service);
    sums.spanCountB++;
    sums.selfNanosB += selfNanos(node);
    if (node.status === "error") sums.errorCountB++;
  }
  for (const { span } of patch.added) sumsOf(span.service).added++;
  for (const { span } of patch.removed) sumsOf(span.service).removed++;
  for (const { span } of patch.modified) sumsOf(span.service).modified++;
  return [...services.values()].sort((a, b) => a.service < b.service ? -1 : 1);
}

/** Children that ran side by side may have taken longer than their parent. */
function selfNanos({ durationNanos, children }: DiffNode): number {
  const below = children.reduce((sum, child) => sum + child.durationNanos, 0);
  return Math.max(0, durationNanos - below);
}

const isChanged = ({ added, removed, modified }: ServiceDiff) => added + removed + modified > 0;

function* signalsOf(
  { base, compare }: MatchedTraces,
  services: readonly ServiceDiff[],
): Generator<DiffSignal> {
  const [before, after] = [base, compare].map(({ roots }) =>
    roots.reduce((longest, { durationNanos }) => Math.max(longest, durationNanos), 0)
  ) as [number, number];
  if (differs(before, after)) yield { type: "duration", before, after };
  for (const one of services) {
    const { service, spanCountA, spanCountB, errorCountA, errorCountB } = one;
    if (spanCountA === 0) yield { type: "service_added", service, before: 0, after: spanCountB };
    if (spanCountB === 0) yield { type: "service_removed", service, before: spanCountA, after: 0 };
    if (errorCountA !== errorCountB) {
      yield { type: "errors", service, before: errorCountA, after: errorCountB };
    }
    if (spanCountA > 0 && spanCountB > 0 && differs(one.selfNanosA, one.selfNanosB)) {
      yield { type: "self_time", service, before: one.selfNanosA, after: one.selfNanosB };
    }
  }
}

function differs(a: number, b: number): boolean {
  const [shorter, longer] = a < b ? [a, b] : [b, a];
  return longer - shorter >= NANOS_MIN && longer >= shorter * RATIO_MIN;
}

function trustOf({ stats, warnings }: TracePatch): TraceSummary["trust"] {
  const { matchedSpans, addedSpans, removedSpans } = stats;
  const all = matchedSpans + addedSpans + removedSpans;
  const matchedShare = all === 0 ? 1 : matchedSpans / all;
  const reasons = [...warnings];
  if (matchedShare < HIGH_SHARE) {
    reasons.push(`${matchedSpans} of ${all} spans stand for each other`);
  }
  if (stats.truncated) reasons.push("not all differences are told");
  const level = matchedShare < LOW_SHARE ? "low" : reasons.length > 0 ? "medium" : "high";
  return { level, matchedShare, reasons };
}
