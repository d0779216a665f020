// A search whose traces are told as they are found.
// Rules: a message holds what is new or has changed since the one before, and how far the search is; no
// more traces than were asked for are told of. Where the most recent are asked for, a trace waits until
// everything newer has been looked at, because then nothing can take its place.

import type { ResultTrace, SearchAnswer, SearchRequest } from "../query/engine/mod.ts";
import type { Growing } from "../query/frontend/mod.ts";
import { packets } from "./packets.ts";
import { displayed, putMetrics, putTrace, type SearchStyle } from "./search_answer.ts";

export async function* searchStream(
  request: SearchRequest,
  answers: AsyncIterable<Growing<SearchAnswer>>,
  style: SearchStyle,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const told = new Map<string, string>();
  for await (const growing of answers) {
    const fresh = growing.answer.traces.filter((trace) => {
      if (request.mostRecent && !isSettled(trace, growing)) return false;
      if (!told.has(trace.traceId) && told.size >= request.limit) return false;
      const version = versionOf(trace);
      if (told.get(trace.traceId) === version) return false;
      told.set(trace.traceId, version);
      return true;
    });
    const items = fresh.map((trace) => displayed(trace, style)).map(
      (trace) => (out: Parameters<typeof putTrace>[0]) =>
        out.message(1, () => putTrace(out, trace)),
    );
    yield* packets(items, (out) => out.message(2, () => putMetrics(out, growing)), bytesMax);
  }
}

function isSettled(trace: ResultTrace, { completeFromMs }: Growing<unknown>): boolean {
  return trace.startUnixNano >= BigInt(completeFromMs) * 1_000_000n;
}

/** Another text for a trace that has grown. */
function versionOf(trace: ResultTrace): string {
  const { startUnixNano, durationNano, rootServiceName, rootTraceName, serviceStats } = trace;
  const sets = trace.spanSets.map(({ matched, spans, attributes }) => [
    matched,
    spans.map(({ spanId }) => spanId),
    attributes,
  ]);
  return JSON.stringify([
    String(startUnixNano),
    String(durationNano),
    rootServiceName,
    rootTraceName,
    Object.entries(serviceStats).sort(),
    sets,
  ]);
}
