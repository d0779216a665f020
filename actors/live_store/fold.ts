// What a partition knows is the result of applying its records in order, from the committed offset:
// a sealed section that is being built into blocks, and the head section that grows.
// Rule: applying is synchronous, touches nothing outside, and depends on nothing but the records.
import { invariant } from "../../lib/invariant.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { readTraces } from "../../model/record.ts";
import type { LogRecord } from "../../wal/mod.ts";
import type { ColumnsPool } from "./columns_pool.ts";
import { Section } from "./section.ts";
import type { LiveSegment } from "./segment.ts";

export interface FoldLimits {
  /** Of a tenant; 0 is no limit. */
  bytesPerTraceMax(tenant: string): number;
  /** What has a column of its own in the tenant's blocks; asked when a section meets the tenant. */
  dedicatedOf(tenant: string): DedicatedAttributes;
}

/** What became of the records, for counters and logs; the fold itself counts nothing. */
export interface FoldEvents {
  applied(tenant: string, bytes: number): void;
  dropped(tenant: string, reason: "decoding_failed" | "too_old", record: LogRecord): void;
  discarded(tenant: string, reason: "trace_too_large", spans: number): void;
}

export class PartitionState {
  head: Section;
  sealed: Section | undefined;

  constructor(
    startOffset: number,
    readonly pool: ColumnsPool,
    readonly limits: FoldLimits,
    readonly events: FoldEvents,
  ) {
    this.head = new Section(startOffset);
  }

  get nextOffset(): number {
    return this.head.nextOffset;
  }

  /** Applies one record; the result depends on nothing else. */
  apply(record: LogRecord): void {
    // Not "===": Kafka leaves gaps where control records stood.
    invariant(record.offset >= this.nextOffset, "LS-1: records are applied in order, none twice");
    const { head } = this;
    const segment = head.segment(record.tenant, this.pool, this.limits);
    const before = segment.columns.length;
    this.#appendTraces(segment, record);
    head.spans += segment.columns.length - before;
    head.firstRecordMs = Math.min(head.firstRecordMs, record.timestampMs);
    head.lastRecordMs = Math.max(head.lastRecordMs, record.timestampMs);
    head.nextOffset = record.offset + 1;
    this.events.applied(record.tenant, record.value.length);
  }

  #appendTraces(segment: LiveSegment, record: LogRecord): void {
    const bytesPerTraceMax = this.limits.bytesPerTraceMax(record.tenant);
    try {
      readTraces(record.value, (message) => {
        const outcome = segment.append(message, bytesPerTraceMax);
        if (outcome === "malformed") this.events.dropped(record.tenant, "decoding_failed", record);
        else if (outcome === "trace_too_large") {
          this.events.discarded(record.tenant, "trace_too_large", segment.refusedSpans);
        }
      });
    } catch (error) {
      // Somebody else's record: ours are made by the distributor. What was read of it stays.
      if (!(error instanceof ProtobufError)) throw error;
      this.events.dropped(record.tenant, "decoding_failed", record);
    }
  }

  /** Leaves a record out that others have in blocks and that is too old to be asked for here. */
  pass(record: LogRecord): void {
    this.skipTo(record.offset + 1);
    this.events.dropped(record.tenant, "too_old", record);
  }

  /** Moves past offsets that no record has: a hole in the log that was reported when it was met. */
  skipTo(nextOffset: number): void {
    if (nextOffset > this.nextOffset) this.head.nextOffset = nextOffset;
  }

  /** Seals the head; from here on it does not change, and a new head begins where it ends. */
  seal(): Section {
    invariant(this.sealed === undefined, "LS-2: one section is built at a time");
    this.sealed = this.head;
    this.head = new Section(this.sealed.nextOffset);
    return this.sealed;
  }

  /** Lets go of the sealed section: queries see its blocks. */
  release(): void {
    invariant(this.sealed !== undefined, "LS-5: only a sealed section is released");
    this.sealed.retire();
    this.sealed = undefined;
  }

  /** The owner crashed or stops: nothing here is needed any more, the log has it all. */
  dispose(): void {
    this.sealed?.retire();
    this.head.retire();
    this.sealed = undefined;
    this.head = new Section(this.nextOffset);
  }

  /** Of a tenant, oldest first. */
  segments(tenant: string): LiveSegment[] {
    return [this.sealed, this.head]
      .map((section) => section?.segments.get(tenant))
      .filter((segment) => segment !== undefined);
  }
}
