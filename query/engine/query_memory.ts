// What one question holds in memory while it is answered: counted where it grows with the question, not
// with the spans of a view, and refused before it is more than the configuration allows.
// Figures are what V8 takes, roughly; they need to be right within a factor, and never to be missing.

import { InputError } from "../../lib/errors.ts";
import type { QueryAnswer, ResultTrace } from "./query_request.ts";

/** Where a request does not say. */
export const MEMORY_BYTES_DEFAULT = 128_000_000;

export class QueryMemory {
  #bytes = 0;

  constructor(readonly bytesMax: number = MEMORY_BYTES_DEFAULT) {}

  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): void {
    this.check(bytes);
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Whether so much more would be too much. */
  check(bytes: number): void {
    if (this.#bytes + bytes <= this.bytesMax) return;
    throw new InputError(
      "unprocessable",
      `the query needs more than the ${this.bytesMax} bytes of memory that one may use: ` +
        "ask for a shorter time, fewer groups, longer steps or a lower limit",
    );
  }
}

/** What an answer takes, so that it is not made if it is too much. */
export function answerBytes(answer: QueryAnswer): number {
  switch (answer.kind) {
    case "search":
      return answer.traces.reduce((sum, trace) => sum + traceBytes(trace), 0);
    case "tag_values":
      return answer.values.reduce((sum, { value }) => sum + textBytes(value), 0);
    case "tags":
      return Object.values(answer.scopes).flat().reduce((sum, tag) => sum + textBytes(tag), 0);
    case "metrics":
      return answer.leaves.reduce(
        (sum, { series, compared }) =>
          sum +
          series.reduce((all, { values, weights }) => all + seriesBytes(values, weights), 0) +
          compared.reduce(
            (all, { labels, cells }) => all + labels.length * LABEL + cells.length * 8,
            0,
          ),
        0,
      );
  }
}

const OBJECT = 120;
const LABEL = 200;

export const textBytes = (text: string): number => 48 + text.length;

export const seriesBytes = (values: Float64Array, weights: Float64Array | undefined): number =>
  2 * OBJECT + LABEL + (values.length + (weights?.length ?? 0)) * 8;

function traceBytes({ spanSets, serviceStats }: ResultTrace): number {
  let bytes = 4 * OBJECT + Object.keys(serviceStats).length * OBJECT;
  for (const { spans, attributes } of spanSets) {
    bytes += OBJECT + attributes.length * LABEL;
    for (const span of spans) bytes += 3 * OBJECT + span.attributes.length * LABEL;
  }
  return bytes;
}
