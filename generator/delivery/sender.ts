// Delivers the log of one tenant to one endpoint, collection after collection, from where it was acknowledged.
// Rules: what is acknowledged is not sent again, unless the power went; what may pass later is tried for ever, and
// nothing overtakes it; what is refused is counted and left behind, alone as far as that can be found out.
import { CorruptionError, NotFoundError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { snappyBlock } from "../../lib/snappy_block.ts";
import { backoffMs, sleep, unlessAborted } from "../../lib/waiting.ts";
import type { SeriesPoints } from "../series.ts";
import { CollectionReader, type ReadCollection } from "./collection_reader.ts";
import { compareCursors, type Cursor, type KeptCursor } from "./cursors.ts";
import type { DeliveryLog } from "./delivery_log.ts";
import { add, type EndpointCounts } from "./delivery_metrics.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint_settings.ts";
import type { Relabelling } from "./relabel.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";
import { KINDS, type Kinds, kindsOf, WriteRequestEncoder } from "./write_request.ts";

/** Of one message that is refused: how many parts of it are tried by themselves. */
const PARTS_MAX = 64;
const AFTER_DISK_FAILURE_MS = 1_000;

export interface SenderPlace {
  readonly log: DeliveryLog;
  readonly cursor: KeptCursor;
  readonly endpoint: Endpoint;
  readonly settings: EndpointSettings;
  readonly relabelling: Relabelling;
  /** Asked for each request. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly counts: EndpointCounts;
}

/** A stretch of a collection that fits a message. */
interface Batch {
  readonly series: readonly SeriesPoints[];
  /** One past the last series of the collection that it stands for. */
  readonly end: number;
}

export class Sender {
  readonly #encoder = new WriteRequestEncoder();
  #progress = Promise.withResolvers<void>();
  #isAway = false;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "random">,
    readonly logger: Logger,
    readonly place: SenderPlace,
  ) {}

  /** Until the signal aborts; what it is at then is begun again by the next life. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, cursor } = this.place;
    using reader = new CollectionReader(log);
    while (!signal.aborted) {
      const found = await this.#read(reader, signal);
      if (found !== undefined) await this.#deliver(found, signal);
      else if (this.isDelivered) {
        await unlessAborted(log.arrival(cursor.current), signal).catch(() => {});
      }
    }
  }

  get isDelivered(): boolean {
    const { log, cursor } = this.place;
    return compareCursors(cursor.current, log.end) >= 0;
  }

  /** Resolves when everything that is in the log now is acknowledged, or the signal aborts. */
  async flush(signal: AbortSignal): Promise<void> {
    const { log, cursor } = this.place;
    const { end } = log;
    while (!signal.aborted && compareCursors(cursor.current, end) < 0) {
      await unlessAborted(this.#progress.promise, signal).catch(() => {});
    }
  }

  async #read(reader: CollectionReader, signal: AbortSignal): Promise<ReadCollection | undefined> {
    const { log, cursor } = this.place;
    const { end } = log; // before, for something may be appended meanwhile
    try {
      const found = await reader.read(cursor.current);
      // Where it stands ahead of the end, what was there is gone or false.
      if (found === undefined) await this.#move(end);
      return found;
    } catch (error) {
      const { segment } = reader;
      const isMissing = error instanceof NotFoundError;
      if (isMissing && !log.segments.some(({ number }) => number === segment)) return undefined;
      if (isMissing || error instanceof CorruptionError) {
        log.counts.corruptions.inc();
        this.logger.error("a segment is damaged, and the rest of it lost", { segment, error });
        await log.leave(segment);
        await this.#move({ segment: segment + 1, position: SEGMENT_HEADER_BYTES, sent: 0 });
      } else {
        this.logger.warn("the delivery log cannot be read", { error });
        await sleep(this.runtime.clock, AFTER_DISK_FAILURE_MS, signal);
      }
      return undefined;
    }
  }

  async #deliver({ collection, at, next }: ReadCollection, signal: AbortSignal): Promise<void> {
    const { cursor, settings: { queue }, counts } = this.place;
    const { current } = cursor;
    const isBegun = current.segment === at.segment && current.position === at.position;
    const batches = [...this.#batches(collection.series, isBegun ? current.sent : 0)];
    const pending = kindsOf(batches.flatMap(({ series }) => series));
    this.#tellPending(pending);
    counts.newestSeconds.set(collection.timeMs / 1000);
    for (let i = 0; i < batches.length; i += queue.atOnce) {
      const wave = batches.slice(i, i + queue.atOnce);
      const sent = await Promise.all(wave.map(({ series }) => this.#send(series, signal)));
      if (signal.aborted && !sent.every((one) => one)) return;
      await this.#move({ ...at, sent: wave.at(-1)!.end });
      const sentNow = kindsOf(wave.flatMap(({ series }) => series));
      for (const kind of KINDS) pending[kind] -= sentNow[kind];
      this.#tellPending(pending);
    }
    counts.sentSeconds.set(collection.timeMs / 1000);
    await this.#move(next);
  }

  #tellPending({ samples, exemplars, histograms }: Kinds): void {
    const { counts } = this.place;
    counts.pending.set(samples);
    counts.exemplarsPending.set(exemplars);
    counts.histogramsPending.set(histograms);
  }

  /** What the endpoint is to have of series from one on, in messages. */
  *#batches(all: readonly SeriesPoints[], from: number): Generator<Batch> {
    const { samplesMax } = this.place.settings.queue;
    let series: SeriesPoints[] = [];
    let size = 0;
    for (let i = from; i < all.length; i++) {
      const wanted = this.#wanted(all[i]!);
      if (wanted === undefined) continue;
      series.push(wanted);
      size += wanted.points.length;
      if (size < samplesMax) continue;
      yield { series, end: i + 1 };
      series = [];
      size = 0;
    }
    if (series.length > 0) yield { series, end: all.length };
  }

  #wanted({ labels, points, exemplars }: SeriesPoints): SeriesPoints | undefined {
    const { relabelling, settings } = this.place;
    const relabelled = relabelling.apply(labels);
    if (relabelled === undefined || relabelled.length === 0) return undefined;
    const wanted = {
      labels: relabelled,
      points: settings.sendsNativeHistograms
        ? points
        : points.filter(({ value }) => typeof value === "number"),
      exemplars: settings.sendsExemplars ? exemplars : [],
    };
    return wanted.points.length + wanted.exemplars.length > 0 ? wanted : undefined;
  }

  /** True when it is done with, false when the signal came before. */
  async #send(
    series: readonly SeriesPoints[],
    signal: AbortSignal,
    parts = { left: PARTS_MAX },
  ): Promise<boolean> {
    const { endpoint, headers, counts, settings: { queue } } = this.place;
    const { clock, random } = this.runtime;
    let young = this.#youngEnough(series);
    for (let failures = 1; young.length > 0; failures++) {
      const message = this.#encoder.encode(young);
      const body = snappyBlock(message.bytes);
      const startMs = clock.monotonic();
      const outcome = await endpoint.send(body, headers(), signal);
      counts.seconds.observe((clock.monotonic() - startMs) / 1000);
      if (outcome.kind === "taken") {
        this.#told(undefined);
        add(counts.sent, message);
        counts.bytes.inc(body.length);
        return true;
      }
      if (outcome.kind === "refused") {
        if (outcome.isForContents && young.length > 1 && parts.left >= 2) {
          parts.left -= 2;
          const half = young.length >> 1;
          return await this.#send(young.slice(0, half), signal, parts) &&
            await this.#send(young.slice(half), signal, parts);
        }
        add(counts.failed, message);
        this.logger.error("an endpoint refuses series", {
          reason: outcome.reason,
          series: young.length,
          first: Object.fromEntries(young[0]!.labels),
        });
        return true;
      }
      if (signal.aborted) return false;
      this.#told(outcome.reason);
      add(counts.retried, message);
      const { backoffMinMs: minMs, backoffMaxMs: maxMs } = queue;
      const pauseMs = backoffMs({ minMs, maxMs }, failures, random);
      await sleep(clock, Math.max(outcome.afterMs ?? 0, pauseMs), signal);
      if (signal.aborted) return false;
      young = this.#youngEnough(young);
    }
    return true;
  }

  #youngEnough(series: readonly SeriesPoints[]): readonly SeriesPoints[] {
    const { counts, settings: { queue: { ageMaxMs } } } = this.place;
    if (ageMaxMs === 0) return series;
    const oldestMs = this.runtime.clock.now() - ageMaxMs;
    const isOld = ({ points, exemplars }: SeriesPoints) =>
      [...points, ...exemplars].some(({ timeMs }) => timeMs < oldestMs);
    const old = series.filter(isOld);
    if (old.length === 0) return series;
    add(counts.tooOld, kindsOf(old));
    return series.filter((one) => !isOld(one));
  }

  /** Once when an endpoint goes away, once when it is back. */
  #told(reason: string | undefined): void {
    const isAway = reason !== undefined;
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    if (isAway) this.logger.warn("an endpoint takes nothing now", { reason });
    else this.logger.info("an endpoint takes metrics again");
  }

  async #move(to: Cursor): Promise<void> {
    const { cursor } = this.place;
    if (compareCursors(to, cursor.current) <= 0) return;
    try {
      await cursor.move(to);
    } catch (error) {
      this.logger.warn("what is acknowledged cannot be kept", { error });
    }
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}
