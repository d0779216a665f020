// The spans of one record as columns, and the names of all records before: strings, resources and their
// attributes stay known from record to record, so that numbers made of their codes do too.
// Rules: one for a thread, whatever the tenants; when what is known takes bytesMax, all is forgotten,
// which `generation` of the columns tells.

import { IntList } from "../lib/growable.ts";
import { dedicatedAttributes } from "../model/dedicated_attributes.ts";
import { readTraces } from "../model/record.ts";
import { SpanColumns, type SpanColumnsMark } from "../model/span_columns.ts";
import { SpanReader } from "./span_reader.ts";
import { WantedFields } from "./wanted_fields.ts";

/** Of names and of all other strings that came with them. */
const BYTES_MAX = 16 << 20;

export interface FieldsOfSpans {
  readonly attributes: readonly string[];
  readonly hasTraceState: boolean;
  readonly hasStatusMessage: boolean;
}

export class RecordColumns {
  // Without columns of their own all attributes are in one list, where they are looked for.
  readonly spans = new SpanColumns(dedicatedAttributes([]));
  readonly #wanted = new WantedFields();
  readonly #spanBytes = new IntList();
  readonly #reader = new SpanReader(this.spans, this.#wanted, this.#spanBytes);
  readonly #empty: SpanColumnsMark = this.spans.mark();

  constructor(readonly bytesMax = BYTES_MAX) {}

  /** From the next record on these are there too; what nobody wants is not. */
  want({ attributes, hasTraceState, hasStatusMessage }: FieldsOfSpans): void {
    this.#wanted.hasTraceState ||= hasTraceState;
    this.#wanted.hasStatusMessage ||= hasStatusMessage;
    this.#wanted.want(attributes, this.spans.strings);
  }

  /** The columns then hold this record's spans and no others. Throws ProtobufError if it is malformed. */
  read(record: Uint8Array): void {
    this.spans.rollback(this.#empty);
    this.#spanBytes.length = 0;
    if (this.spans.sizeBytes > this.bytesMax) this.#forget();
    readTraces(record, (trace) => this.#reader.read(trace));
  }

  /** By row, of the span's message. */
  get spanBytes(): Int32Array {
    return this.#spanBytes.values;
  }

  #forget(): void {
    this.spans.clear();
    this.#reader.reset();
    this.#wanted.learnCodes(this.spans.strings);
  }
}
