// The spans of one tenant in one section of the log, queryable from the moment they are folded.
// Rule: the columns are given back only when the segment is retired and the last reader has gone, for
// a query holds views of arrays that the next owner would overwrite.
import { LiveView } from "../../model/live_view.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import { invariant } from "../../lib/invariant.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { grown } from "../../lib/growable.ts";
import type { ColumnsPool, LiveColumns } from "./columns_pool.ts";

export type AppendOutcome = "appended" | "malformed" | "trace_too_large";

export class LiveSegment {
  readonly #live: LiveColumns;
  readonly #pool: ColumnsPool;
  #traceBytes = new Float64Array(1024);
  #view: LiveView | undefined;
  #readers = 0;
  #isRetired = false;
  /** Spans of the last append that was not stored. */
  refusedSpans = 0;

  constructor(readonly tenant: string, pool: ColumnsPool, dedicated: DedicatedAttributes) {
    this.#pool = pool;
    this.#live = pool.take(dedicated);
  }

  get columns(): SpanColumns {
    return this.#live.columns;
  }

  /** Appends the spans of one trace message, whole or not at all. */
  append(message: Uint8Array, bytesPerTraceMax: number): AppendOutcome {
    const { columns, decoder } = this.#live;
    const mark = columns.mark();
    try {
      decoder.decode(message);
    } catch (error) {
      if (error instanceof ProtobufError) return "malformed";
      throw error;
    }
    if (columns.length === mark.spans) return "appended";
    const trace = columns.trace[mark.spans]!;
    if (trace >= this.#traceBytes.length) this.#traceBytes = grown(this.#traceBytes, trace + 1);
    const traceBytes = this.#traceBytes[trace]! + message.length;
    if (bytesPerTraceMax > 0 && traceBytes > bytesPerTraceMax) {
      this.refusedSpans = columns.length - mark.spans;
      columns.rollback(mark);
      return "trace_too_large";
    }
    this.#traceBytes[trace] = traceBytes;
    return "appended";
  }

  /** The spans so far; `retain` first, and keep the view no longer than that. */
  view(): LiveView {
    invariant(this.#readers > 0, "LS-3: a view is held by a reader");
    this.#view = this.#view?.renewed() ?? LiveView.of(this.columns);
    return this.#view;
  }

  retain(): Disposable {
    invariant(!this.#isRetired, "LS-4: a retired segment has no new readers");
    this.#readers++;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#readers--;
        this.#giveBackWhenFree();
      },
    };
  }

  /** No longer queried: its spans are in a block that queries see, or will be folded again. */
  retire(): void {
    this.#isRetired = true;
    this.#view = undefined;
    this.#giveBackWhenFree();
  }

  #giveBackWhenFree(): void {
    if (this.#isRetired && this.#readers === 0) this.#pool.give(this.columns);
  }
}
