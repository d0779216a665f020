// What one collection leaves in a tenant's delivery log, all or nothing: the series it has made of the records up to
// certain places in the log of spans, and these places.
import type { SeriesPoints } from "../series.ts";

export interface Collection {
  readonly timeMs: number;
  /** By partition: one past the last record that is counted in these series, or in those of earlier collections. */
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly series: readonly SeriesPoints[];
}
