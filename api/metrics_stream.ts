// A metrics query whose points are told as their time has been looked at.
// Rules: a point that is told before the end is the final one, as nobody else has spans of its time;
// the last message is the whole answer, exemplars and status with it. An instant has one point, which
// is known in the end; before that its messages tell how far it is.

import {
  finishMetrics,
  type MetricsAnswer,
  type MetricsRequest,
  type MetricsResult,
  type ResultSeries,
} from "../query/engine/mod.ts";
import type { Growing } from "../query/frontend/mod.ts";
import { putInstant, putSeries, putStatus } from "./metrics_answer.ts";
import { packets, type Put } from "./packets.ts";
import { putMetrics } from "./search_answer.ts";

const NOTHING: MetricsResult = { series: [], partialBecause: "" };

export async function* metricsStream(
  request: MetricsRequest,
  answers: AsyncIterable<Growing<MetricsAnswer>>,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const put = request.isInstant ? putInstant : putSeries;
  const told = new ToldTimes(request);
  for await (const growing of answers) {
    const result = growing.isLast
      ? finishMetrics(request, growing.answer)
      : request.isInstant
      ? NOTHING
      : told.next(growing);
    const items = result.series.map((series): Put => (out) =>
      out.message(1, () => put(out, series))
    );
    const inEach: Put = (out) => {
      out.message(2, () => putMetrics(out, growing));
      putStatus(out, result);
    };
    yield* packets(items, inEach, bytesMax);
  }
}

/** Which points have been told. */
class ToldTimes {
  readonly #request: MetricsRequest;
  readonly #stepMs: number;
  #fromMs = Infinity;

  constructor(request: MetricsRequest) {
    this.#request = request;
    this.#stepMs = Number(request.stepNano) / 1e6;
  }

  /** The points that are complete since the last time. */
  next({ answer, completeFromMs }: Growing<MetricsAnswer>): MetricsResult {
    const newestMs = Number(this.#request.endNano / 1_000_000n);
    // A point tells of the time before it.
    const fromMs = completeFromMs + this.#stepMs;
    if (fromMs >= this.#fromMs || fromMs > newestMs) return NOTHING;
    const beforeMs = this.#fromMs;
    this.#fromMs = fromMs;
    const isNext = (timestampMs: number) => timestampMs >= fromMs && timestampMs < beforeMs;
    const series = finishMetrics(this.#request, answer).series
      .map((one): ResultSeries => ({
        labels: one.labels,
        samples: one.samples.filter(({ timestampMs }) => isNext(timestampMs)),
        exemplars: [],
      }))
      .filter(({ samples }) => samples.length > 0);
    return { series, partialBecause: "" };
  }
}
