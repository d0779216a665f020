// The laws of a simulated cluster, and what they are judged by: what clients heard, and what the topic holds.
//
//   acked ⇒ found            an acknowledged span is found by id and by search, and counted by metrics
//   found once               no answer has a span twice; none is counted more often than the topic has it
//   committed ≤ durable      what a block-builder commits is in blocks of the bucket by then
//   rings converge           members that reach each other know the same
//   one owner                of a partition in a zone
import { blockId } from "../../actors/block_builder/block_id.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import { readIds, readTraces } from "../../model/record.ts";
import { instancesOf, partitionsOf, PartitionState, type ReplicatedMap } from "../../ring/mod.ts";
import type { MemoryObjectStore } from "../../storage/mod.ts";
import { decodeOtlp } from "../support/otlp.ts";
import { spanIdOf } from "../support/records.ts";
import { TENANT } from "./cluster_ground.ts";
import { LIVE_STORES } from "./cluster_rings.ts";
import type { TopicEvents } from "./cluster_topic.ts";

export interface Acknowledged {
  readonly span: number;
  readonly trace: number;
  readonly ackedMs: number;
  readonly startMs: number;
}

const SEQUENCES_MAX = 32;
/** A topic has none. */
const NO_IDENTITY = "";

export class Checks implements TopicEvents {
  readonly acknowledged = new Map<number, Acknowledged>();
  readonly problems: string[] = [];
  /** How often the topic has a span: a client that tries again may have written it twice. */
  readonly #copies = new Map<number, number>();
  /** By partition and offset: traces of the record. */
  readonly #traces: string[][][] = [];
  readonly #committed = new Map<number, number[]>();
  /** By span: where it was written first. */
  readonly #places = new Map<number, { readonly partition: number; readonly offset: number }>();
  /** By partition: when block-builders have committed up to where. */
  readonly #builtAt = new Map<number, { readonly offset: number; readonly atMs: number }[]>();

  constructor(readonly bucket: () => MemoryObjectStore, readonly nowMs: () => number) {}

  problem(text: string): void {
    // The first few say it all.
    if (this.problems.length < 20) this.problems.push(`at ${this.nowMs()}: ${text}`);
  }

  appended(partition: number, offset: number, value: Uint8Array): void {
    readTraces(value, (trace) => {
      for (const span of spansOf(trace)) {
        this.#copies.set(span, (this.#copies.get(span) ?? 0) + 1);
        if (!this.#places.has(span)) this.#places.set(span, { partition, offset });
      }
    });
    const traces: string[] = [];
    readIds(value, (id) => traces.push(id.toHex()));
    (this.#traces[partition] ??= [])[offset] = traces;
  }

  committing(by: string, group: string, partition: number, offset: number): void {
    if (group !== "block-builder") return;
    const known = this.#committed.get(partition) ?? [0];
    this.#committed.set(partition, known);
    if (offset <= known.at(-1)!) return;
    // A section begins where another was committed, by this life or by one before it.
    const isDurable = known.toReversed().some((start) => this.#isBuilt(partition, start, offset));
    if (!isDurable) {
      const from = known.at(-1);
      this.problem(`committed > durable: ${by}, partition ${partition}, from ${from} to ${offset}`);
    }
    known.push(offset);
    const builtAt = this.#builtAt.get(partition) ?? [];
    this.#builtAt.set(partition, builtAt);
    builtAt.push({ offset, atMs: this.nowMs() });
  }

  /** Whether a span has been in the bucket for so long. */
  isBuilt(span: number, sinceMs: number): boolean {
    const place = this.#places.get(span);
    const built = this.#builtAt.get(place?.partition ?? -1)?.find((one) =>
      one.offset > place!.offset
    );
    return built !== undefined && this.nowMs() - built.atMs >= sinceMs;
  }

  builtOffset(partition: number): number {
    return this.#committed.get(partition)?.at(-1) ?? 0;
  }

  /** Blocks of a section have ids that follow from its start; one of them must have its traces. */
  #isBuilt(partition: number, start: number, end: number): boolean {
    const wanted = new Set((this.#traces[partition] ?? []).slice(start, end).flat()).size;
    if (wanted === 0) return true;
    for (let sequence = 1; sequence <= SEQUENCES_MAX; sequence++) {
      const traces = this.#tracesIn(blockId(TENANT, partition, start, sequence, NO_IDENTITY));
      if (traces === undefined) return false;
      if (traces === wanted) return true;
    }
    return false;
  }

  #tracesIn(id: string): number | undefined {
    const { objects } = this.bucket();
    if (objects.has(compactedMetaKey(TENANT, id))) return -1; // superseded: it does not count
    const bytes = objects.get(metaKey(TENANT, id));
    if (bytes === undefined) return undefined;
    const meta = JSON.parse(new TextDecoder().decode(bytes)) as BlockMeta;
    if (!objects.has(`${TENANT}/${id}/data.parquet`)) return -1;
    return meta.totalObjects;
  }

  /** `found`: ids of spans, by id of a trace or by search. */
  found(what: string, spans: readonly number[], found: readonly string[]): void {
    const seen = new Set(found);
    for (const span of spans) {
      if (!seen.has(spanIdOf(span).toHex())) this.problem(`${what}: span ${span} is lost`);
    }
    if (seen.size < found.length) {
      this.problem(`${what}: ${found.length - seen.size} spans are there twice`);
    }
  }

  /** That those are counted, and none of all more often than it was written. */
  counted(what: string, wanted: Iterable<Acknowledged>, counts: ReadonlyMap<number, number>): void {
    this.contained(what, wanted, counts);
    for (const [span, count] of counts) {
      const copies = this.#copies.get(span) ?? 0;
      if (count > copies) {
        this.problem(`${what}: span ${span} is counted ${count} times, written ${copies} times`);
      }
    }
  }

  contained(
    what: string,
    wanted: Iterable<Acknowledged>,
    counts: ReadonlyMap<number, number>,
  ): void {
    for (const { span } of wanted) {
      if ((counts.get(span) ?? 0) === 0) this.problem(`${what}: span ${span} is not counted`);
    }
  }

  /** Whether all know the same. */
  static isConverged(maps: readonly ReplicatedMap[]): boolean {
    const [first, ...others] = maps.map(({ contentsHash }) => contentsHash.join());
    return others.every((hash) => hash === first);
  }

  /** What one member knows of partitions and their owners. */
  owners(
    who: string,
    map: ReplicatedMap,
    zones: readonly string[],
    /** The partition that an operator takes away, and whether it must be gone. */
    leaving: number | undefined,
    isRemoved: boolean,
  ): void {
    const zoneOf = new Map(instancesOf(map, LIVE_STORES).map(({ id, zone }) => [id, zone]));
    for (const { id, state, owners } of partitionsOf(map)) {
      if (id === leaving && !isRemoved) continue;
      if (id === leaving) {
        this.problem(
          `${who}: partition ${id} was taken away and is ${PartitionState[state]}, owned by ` +
            `${owners.map(({ instance }) => instance).join(", ") || "nobody"}`,
        );
        continue;
      }
      for (const zone of zones) {
        const those = owners.filter(({ instance }) => zoneOf.get(instance) === zone);
        if (those.length === 1) continue;
        const names = those.map(({ instance }) => instance).join(", ");
        this.problem(`${who}: partition ${id} has ${those.length} owners in ${zone}: ${names}`);
      }
    }
  }
}

const NUMBER_AT = 4;

/** Numbers of the spans of a TracesData message. */
export function spansOf(traces: Uint8Array): number[] {
  const { resourceSpans } = decodeOtlp(traces) as {
    resourceSpans: { scopeSpans: { spans: { spanId: Uint8Array }[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ spanId }) => {
        const bytes = Uint8Array.from(spanId);
        return new DataView(bytes.buffer).getUint32(NUMBER_AT);
      })
    )
  );
}
