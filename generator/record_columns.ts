// The spans of one record as columns, and the names of all records before: strings, resources and their
// attributes stay known from record to record, so that numbers made of their codes do too.
// Rules: one for a thread, whatever the tenants; when what is known takes BYTES_MAX, all is forgotten,
// which `generation` of the columns tells.

import { IntList } from "../lib/growable.ts";
import { dedicatedAttributes } from "../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../model/otlp_decode.ts";
import { readTraces } from "../model/record.ts";
import { SpanColumns, type SpanColumnsMark } from "../model/span_columns.ts";

/** Of names and of all other strings that came with them. */
const BYTES_MAX = 16 << 20;

export class RecordColumns {
  // Without columns of their own all attributes are in one list, where they are looked for.
  readonly spans = new SpanColumns(dedicatedAttributes([]));
  /** Of the message of each span. */
  readonly #spanBytes = new IntList();
  readonly #decoder = new OtlpDecoder(this.spans, { spanBytes: this.#spanBytes });
  readonly #empty: SpanColumnsMark = this.spans.mark();

  constructor(readonly bytesMax = BYTES_MAX) {}

  /** The columns then hold this record's spans and no others. Throws ProtobufError if it is malformed. */
  read(record: Uint8Array): void {
    this.spans.rollback(this.#empty);
    this.#spanBytes.length = 0;
    if (this.spans.sizeBytes > this.bytesMax) this.#decoder.reset();
    readTraces(record, (trace) => this.#decoder.decode(trace));
  }

  get spanBytes(): Int32Array {
    return this.#spanBytes.values;
  }
}
