// Span columns that wait to be used again. A section's columns are tens of megabytes: giving them
// back keeps page faults and the garbage collector out of the way of spans.
// Rule: columns are made for the dedicated attributes of a tenant, and only used for such again.
// Bench: recycling took CPU per span from 11.6 to 9.2 µs, socket to block (docs/perf.md).
import { type DedicatedAttributes, isSameDedication } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";

export interface LiveColumns {
  readonly columns: SpanColumns;
  readonly decoder: OtlpDecoder;
}

export class ColumnsPool {
  /** The one given back last comes last. */
  readonly #spare: SpanColumns[] = [];

  constructor(
    /** How many sets are kept; more are left to the garbage collector. */
    readonly spareMax: number,
    /** A set that grew larger than this is not kept: one burst must not hold memory for ever. */
    readonly spareBytesMax: number,
  ) {}

  take(dedicated: DedicatedAttributes): LiveColumns {
    const at = this.#spare.findLastIndex((spare) => isSameDedication(spare.dedicated, dedicated));
    const columns = at < 0 ? new SpanColumns(dedicated) : this.#spare.splice(at, 1)[0]!;
    return { columns, decoder: new OtlpDecoder(columns) };
  }

  give(columns: SpanColumns): void {
    if (columns.capacityBytes > this.spareBytesMax) return;
    columns.clear();
    this.#spare.push(columns);
    // The oldest goes: nobody may want its kind any more.
    if (this.#spare.length > this.spareMax) this.#spare.shift();
  }
}
