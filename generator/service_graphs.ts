// Who calls whom: the two spans of a call, one on each side, make an edge between their services.
// Rules: a span of the calling side waits under its own id, one of the called side under its parent's;
// whichever comes second completes the edge. A call to a database is whole without a second side. What
// waited for too long is an edge to a node that does not show, where the span says so much, and else it
// is dropped and counted.

import { grown } from "../lib/growable.ts";
import { type NanoBase, relativeNano, type SpanColumns } from "../model/span_columns.ts";
import { ABSENT, EMPTY_STRING } from "../model/string_table.ts";
import { Demand } from "./demand.ts";
import { Connection, EdgeLabels } from "./edge_labels.ts";
import { type Half, type Party, partyAttributes, partyOf } from "./edge_sides.ts";
import { EdgeStore } from "./edge_store.ts";
import { kindName, SpanKind, STATUS_ERROR } from "./enum_names.ts";
import { attributeNames, type SpanFilter, spanFilter } from "./filter_policies.ts";
import { IntTuples } from "./int_tuples.ts";
import { weightOfTraceState } from "./multiplier.ts";
import {
  type Discarded,
  FILTERED,
  INVALID_TEXT,
  type PassedSpans,
  type Processor,
} from "./processor.ts";
import type { FieldsOfSpans } from "./record_columns.ts";
import type { Registry } from "./registry.ts";
import { EdgeMetrics } from "./edge_metrics.ts";
import type { ProcessorName, ServiceGraphSettings } from "./settings.ts";
import { SpanKeys } from "./span_keys.ts";

/** So many pairs of parties are remembered; then all are forgotten. */
const PAIRS_MAX = 1 << 16;
const EDGE_WORDS = 6;
const PARTY_IDS = 1 << 30;

export class ServiceGraphs implements Processor {
  readonly metrics: readonly string[];
  readonly demand: Demand;
  readonly fields: FieldsOfSpans;
  readonly discarded: Discarded = { filtered: 0, invalidText: 0 };
  readonly counts = { edges: 0, droppedSpans: 0, droppedEdges: 0 };
  /** By kind of the half that was left alone. */
  readonly expired = new Map<string, number>();

  readonly #settings: ServiceGraphSettings;
  readonly #registry: Registry;
  readonly #metrics: EdgeMetrics;
  readonly #labels: EdgeLabels;
  readonly #passes: SpanFilter;
  readonly #store: EdgeStore<Half>;

  readonly #keys: SpanKeys;
  /** By kind of span. */
  readonly #parties: (Party | typeof FILTERED | typeof INVALID_TEXT)[] = [];
  #partyId = 0;
  /** Parties of both sides, and how they are connected. */
  readonly #pairs = new IntTuples(3);
  #entity = new Int32Array(64);
  #epoch = -1;
  #base: NanoBase | undefined;
  /** The half of the span at hand. */
  readonly #here: Half = {
    party: undefined as unknown as Party,
    spanKind: 0,
    isClient: false,
    isRoot: false,
    isFailed: false,
    seconds: 0,
    startNano: 0,
    endNano: 0,
    weight: 1,
  };

  constructor(
    registry: Registry,
    settings: ServiceGraphSettings,
    parts: ReadonlySet<ProcessorName>,
    nowMs: number,
  ) {
    this.#settings = settings;
    this.#registry = registry;
    this.#labels = new EdgeLabels(settings);
    this.#passes = spanFilter(settings.policies);
    this.#store = new EdgeStore(settings.edgesMax);
    this.fields = {
      attributes: [
        ...new Set([...partyAttributes(settings), ...attributeNames(settings.policies)]),
      ],
      hasTraceState: settings.multiplier.fromTraceState,
      hasStatusMessage: false,
    };
    this.#keys = new SpanKeys({ ...this.fields, hasName: settings.policies.length > 0 });
    this.#metrics = new EdgeMetrics(registry, settings, parts, nowMs);
    this.metrics = this.#metrics.names;
    this.demand = new Demand(registry, this.#metrics.seriesOfEdge);
  }

  push({ spans, rows, length }: PassedSpans, nowMs: number): void {
    this.tick(nowMs);
    this.#refresh(spans);
    for (let i = 0; i < length; i++) {
      const row = rows[i]!;
      const kind = spans.kind[row]!;
      const isClient = kind === SpanKind.Client || kind === SpanKind.Producer;
      if (!isClient && kind !== SpanKind.Server && kind !== SpanKind.Consumer) continue;
      if (spans.resources.serviceName[spans.resource[row]!]! <= EMPTY_STRING) continue;
      const number = this.#keys.of(spans, row);
      if (number === this.#parties.length) this.#parties.push(this.#learn(spans, row));
      const party = this.#parties[number]!;
      if (party === FILTERED) this.discarded.filtered++;
      else if (party === INVALID_TEXT) this.discarded.invalidText++;
      else {
        this.#see(spans, row, party, isClient);
        this.#meet(spans, row, nowMs);
      }
    }
  }

  /** Lets go of halves that waited for too long. */
  tick(nowMs: number): void {
    const store = this.#store;
    const sinceMs = nowMs - this.#settings.waitMs;
    for (let edge = 0; (edge = store.oldestBefore(sinceMs)) >= 0;) {
      this.#expire(store.half[edge]!, edge * EDGE_WORDS, nowMs);
      store.remove(edge);
    }
  }

  [Symbol.dispose](): void {
    this.counts.droppedEdges += this.#store.length;
    this.demand[Symbol.dispose]();
  }

  #refresh(spans: SpanColumns): void {
    if (this.#keys.isOutdated(spans)) {
      this.#keys.clear(spans);
      this.#parties.length = 0;
    }
  }

  #learn(spans: SpanColumns, row: number): Party | typeof FILTERED | typeof INVALID_TEXT {
    if (!this.#passes(spans, row)) return FILTERED;
    // They come round after a billion, when pairs of that number have long been forgotten.
    this.#partyId = this.#partyId % PARTY_IDS + 1;
    return partyOf(spans, row, this.#partyId, this.#settings) ?? INVALID_TEXT;
  }

  #see(spans: SpanColumns, row: number, party: Party, isClient: boolean): void {
    const here = this.#here;
    // Near enough to it times are exact as numbers.
    this.#base ??= { low: spans.startUnixNano[row * 2]!, high: spans.startUnixNano[row * 2 + 1]! };
    const durationNano = spans.durationNano[row]!;
    here.party = party;
    here.spanKind = spans.kind[row]!;
    here.isClient = isClient;
    here.isRoot = (spans.parentId[row * 2]! | spans.parentId[row * 2 + 1]!) === 0;
    here.isFailed = spans.statusCode[row] === STATUS_ERROR;
    here.seconds = Math.max(0, durationNano) / 1e9;
    here.startNano = relativeNano(spans.startUnixNano, row, this.#base);
    here.endNano = here.startNano + durationNano;
    here.weight = party.weight ?? this.#traceStateWeight(spans, row);
  }

  /** The half at hand completes an edge, or waits. */
  #meet(spans: SpanColumns, row: number, nowMs: number): void {
    const store = this.#store;
    const here = this.#here;
    const traceIds = spans.traces.words;
    const traceAt = spans.trace[row]! * 4;
    const spanIds = here.isClient ? spans.spanId : spans.parentId;
    const edge = store.find(traceIds, traceAt, spanIds, row * 2);
    const other = edge < 0 ? undefined : store.half[edge]!;
    if (here.party.database !== "") {
      if (edge < 0) this.counts.edges++;
      else store.remove(edge);
      this.#complete(here, undefined, Connection.Database, traceIds, traceAt, nowMs);
    } else if (other === undefined) {
      const added = store.add(traceIds, traceAt, spanIds, row * 2, { ...here }, nowMs);
      if (added < 0) this.counts.droppedSpans++;
      else this.counts.edges++;
    } else if (other.isClient === here.isClient) {
      store.half[edge] = { ...here }; // roots of one trace share a key, and the last one stands for them
    } else {
      store.remove(edge);
      const [client, server] = here.isClient ? [here, other] : [other, here];
      const isMessaging = client.spanKind === SpanKind.Producer ||
        server.spanKind === SpanKind.Consumer;
      const connection = isMessaging ? Connection.Messaging : Connection.Direct;
      this.#complete(client, server, connection, traceIds, traceAt, nowMs);
    }
  }

  #expire(half: Half, traceAt: number, nowMs: number): void {
    const traceIds = this.#store.key;
    if (half.isClient && half.party.peer !== "") {
      this.#complete(half, undefined, Connection.VirtualServer, traceIds, traceAt, nowMs);
    } else if (!half.isClient && half.isRoot) {
      this.#complete(undefined, half, Connection.VirtualClient, traceIds, traceAt, nowMs);
    } else {
      const kind = kindName(half.spanKind);
      this.expired.set(kind, (this.expired.get(kind) ?? 0) + 1);
    }
  }

  #complete(
    client: Half | undefined,
    server: Half | undefined,
    connection: Connection,
    traceIds: Uint32Array,
    traceAt: number,
    nowMs: number,
  ): void {
    const entity = this.#edge(client?.party, server?.party, connection);
    const weight = Math.max(client?.weight ?? 0, server?.weight ?? 0);
    const metrics = this.#metrics;
    const clientSeconds = client?.seconds ?? 0;
    const serverSeconds = connection === Connection.Database ? clientSeconds : server?.seconds ?? 0;
    metrics.count(entity, client?.isFailed === true || server?.isFailed === true, weight, nowMs);
    metrics.observe(entity, clientSeconds, serverSeconds, weight, traceIds, traceAt, nowMs);
    if (connection === Connection.Messaging) {
      const seconds = Math.max(0, server!.startNano - client!.endNano) / 1e9;
      metrics.observeMessaging(entity, seconds, weight, traceIds, traceAt, nowMs);
    }
  }

  #edge(client: Party | undefined, server: Party | undefined, connection: Connection): number {
    const pairs = this.#pairs;
    const { epoch } = this.#registry.sets;
    if (epoch !== this.#epoch || pairs.length > PAIRS_MAX) {
      pairs.clear();
      this.#epoch = epoch;
    }
    const known = pairs.length;
    pairs.tuple[0] = client?.id ?? 0;
    pairs.tuple[1] = server?.id ?? 0;
    pairs.tuple[2] = connection;
    const pair = pairs.intern();
    if (pair === known) {
      if (pair === this.#entity.length) this.#entity = grown(this.#entity, 0);
      const labels = this.#labels.of(client, server, connection);
      this.demand.want(labels);
      this.#entity[pair] = this.#registry.sets.intern(labels);
    }
    return this.#entity[pair]!;
  }

  #traceStateWeight(spans: SpanColumns, row: number): number {
    const code = spans.traceState[row]!;
    if (code === ABSENT || !this.#settings.multiplier.fromTraceState) return 1;
    return weightOfTraceState(spans.strings.text(code));
  }
}
