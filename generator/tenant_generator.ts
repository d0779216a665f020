// What one tenant's spans become: records go in, and series come out at each collection.
// Rules: pure, time comes in as numbers; a record is looked at whole or not at all; settings may change at
// any time, and what they leave as it was goes on as if nothing had happened.

import { grown } from "../lib/growable.ts";
import { relativeNano, type SpanColumns } from "../model/span_columns.ts";
import type { PassedSpans } from "./processor.ts";
import { Processors } from "./processors.ts";
import type { RecordColumns } from "./record_columns.ts";
import { Registry } from "./registry.ts";
import type { SeriesPoints } from "./series.ts";
import type { GeneratorSettings } from "./settings.ts";
import { SpanNames } from "./span_names.ts";
import { type GeneratorStats, statsOf } from "./stats.ts";

const UNIX_EPOCH = { low: 0, high: 0 };

export class TenantGenerator implements Disposable {
  readonly received: Received = { spans: 0, bytes: 0, outsideSlack: 0 };
  readonly names = new SpanNames();
  readonly registry: Registry;
  readonly processors: Processors;
  #settings: GeneratorSettings;
  readonly #columns: RecordColumns;
  #rows = new Int32Array(256);
  /** What is wrong with the settings; a processor that it concerns is as it was before, or off. */
  problems: readonly string[];

  /** `columns` may be shared by all generators of a thread. */
  constructor(settings: GeneratorSettings, columns: RecordColumns, nowMs: number) {
    this.#settings = settings;
    this.#columns = columns;
    this.registry = new Registry(settings.registry, nowMs);
    this.processors = new Processors(this.registry, this.names);
    this.problems = this.#build(settings, nowMs);
  }

  get settings(): GeneratorSettings {
    return this.#settings;
  }

  /** A record of the log; throws ProtobufError if it is malformed, and takes nothing of it then. */
  push(record: Uint8Array, nowMs: number): void {
    const { processors, received } = this;
    this.#columns.read(record);
    const { spans, spanBytes } = this.#columns;
    received.bytes += record.length;
    received.spans += spans.length;
    const length = this.#passed(spans, nowMs);
    const passed: PassedSpans = { spans, spanBytes, rows: this.#rows, length };
    for (const processor of processors.all) processor.push(passed, nowMs);
  }

  /** Every series with its value now, and the ends of those that have ended. */
  collect(nowMs: number): SeriesPoints[] {
    for (const processor of this.processors.all) processor.tick(nowMs);
    return this.registry.collect(nowMs);
  }

  /** What makes no sense is in `problems` then; the rest takes effect. */
  configure(settings: GeneratorSettings, nowMs: number): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.registry.configure(settings.registry);
    this.problems = this.#build(settings, nowMs);
  }

  /** What an operator sees of it. */
  stats(): GeneratorStats {
    return statsOf(this);
  }

  [Symbol.dispose](): void {
    for (const processor of this.processors.all) processor[Symbol.dispose]();
  }

  #build(settings: GeneratorSettings, nowMs: number): string[] {
    const problems = this.processors.configure(settings, nowMs);
    for (const { fields } of this.processors.all) this.#columns.want(fields);
    return problems;
  }

  /** Writes the rows of spans that ended near enough to now, and returns how many they are. */
  #passed(spans: SpanColumns, nowMs: number): number {
    const { length, startUnixNano, durationNano } = spans;
    if (this.#rows.length < length) this.#rows = grown(this.#rows, length);
    const rows = this.#rows;
    const slackNano = this.#settings.slackMs * 1e6;
    const nowNano = nowMs * 1e6;
    let count = 0;
    for (let row = 0; row < length; row++) {
      const endNano = relativeNano(startUnixNano, row, UNIX_EPOCH) + durationNano[row]!;
      if (Math.abs(endNano - nowNano) <= slackNano) rows[count++] = row;
    }
    this.received.outsideSlack += length - count;
    return count;
  }
}

export interface Received {
  spans: number;
  bytes: number;
  /** Spans that ended too far from now. */
  outsideSlack: number;
}
