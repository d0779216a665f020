// The first spans of growing columns as a SpanView: what queries see of live data.
// Rule: a view answers for the spans there were when it was made, whatever is appended later; it must
// not be used after its columns were cleared.
// What is derived (traces, nested sets, attributes by key) is made when first asked for and kept.
// `renewed` makes a view of the spans there are now and goes on from what is known of traces, keys and
// nested sets, so that it costs the new spans.

import { noValues } from "./found_values.ts";
import { attributeValues, type OwnColumn, type OwnedList, wantedCodes } from "./live_attributes.ts";
import { KeyIndex } from "./key_index.ts";
import { eventColumns, linkColumns } from "./live_lists.ts";
import { NOTHING_NUMBERED, type NumberedSpans, numberSpans } from "./live_nested_sets.ts";
import { LiveTraces } from "./live_traces.ts";
import type { OwnColumns } from "./own_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import type {
  AttributeScope,
  AttributeValues,
  AttributeWant,
  Derived,
  EventColumnsView,
  LinkColumnsView,
  NestedSetColumns,
  SpanView,
  StringColumn,
  TraceColumns,
} from "./span_view.ts";
import { ABSENT, EMPTY_STRING } from "./string_table.ts";

const SERVICE_NAME = "service.name";
/** Of selective answers, which are small but as many as there are values asked for. */
const WANTED_KEPT_MAX = 32;
/** So many times fewer owners than there are make looking at each of them worth more than an answer kept. */
const FEW_RATIO = 4;

/** What all views of the same columns share; it only grows, and an older view sees its own part. */
interface Shared {
  readonly keys: Readonly<Record<AttributeScope, KeyIndex>>;
  traces: LiveTraces;
  numbered: NumberedSpans;
}

export class LiveView implements SpanView {
  readonly spanCount: number;
  readonly inspectedBytes = 0;
  readonly isLasting = false;

  readonly #columns: SpanColumns;
  readonly #shared: Shared;
  readonly #traceCount: number;
  readonly #ends: Readonly<Record<AttributeScope, { owners: number; rows: number }>>;
  readonly #attributes = new Map<string, AttributeValues>();
  readonly #wanted = new Map<string, AttributeValues>();
  #traces: TraceColumns | undefined;
  #nestedSets: NestedSetColumns | undefined;
  #events: EventColumnsView | undefined;
  #links: LinkColumnsView | undefined;

  private constructor(columns: SpanColumns, shared: Shared) {
    this.#columns = columns;
    this.#shared = shared;
    this.spanCount = columns.length;
    this.#traceCount = columns.traces.length;
    const end = (length: number, rows: number) => ({ owners: length, rows });
    const { resources, scopes, events, links } = columns;
    this.#ends = {
      span: end(columns.length, columns.attributes.length),
      resource: end(resources.length, resources.attributes.length),
      instrumentation: end(scopes.length, scopes.attributes.length),
      event: end(events.length, events.attributes.length),
      link: end(links.length, links.attributes.length),
    };
  }

  static of(columns: SpanColumns): LiveView {
    return new LiveView(columns, {
      keys: {
        span: new KeyIndex(columns.attributes),
        resource: new KeyIndex(columns.resources.attributes),
        instrumentation: new KeyIndex(columns.scopes.attributes),
        event: new KeyIndex(columns.events.attributes),
        link: new KeyIndex(columns.links.attributes),
      },
      traces: new LiveTraces(),
      numbered: NOTHING_NUMBERED,
    });
  }

  /** This view if nothing was appended since, or else one of the spans there are now. */
  renewed(): LiveView {
    // Resources, scopes and traces without spans are in no answer.
    if (this.#columns.length === this.spanCount) return this;
    return new LiveView(this.#columns, this.#shared);
  }

  traces(): Promise<TraceColumns> {
    if (this.#traces === undefined) {
      const { traces } = this.#shared;
      // An older view may ask after a newer one: then the shared fold is too far.
      const base = traces.spanCount <= this.spanCount ? traces : new LiveTraces();
      const own = base.extended(this.#columns, this.#traceCount, this.spanCount);
      if (own.spanCount > traces.spanCount) this.#shared.traces = own;
      this.#traces = own.columns(this.#columns);
    }
    return Promise.resolve(this.#traces);
  }

  traceOfSpan(): Promise<Int32Array> {
    return this.#perSpan(this.#columns.trace);
  }

  resourceOfSpan(): Promise<Int32Array> {
    return this.#perSpan(this.#columns.resource);
  }

  scopeOfSpan(): Promise<Int32Array> {
    return this.#perSpan(this.#columns.scope);
  }

  /** Not kept: by the next question spans have come. */
  async derived<T>(_name: string, make: () => Promise<Derived<T>>): Promise<T> {
    return (await make()).value;
  }

  services(): Promise<StringColumn> {
    return this.#strings(this.#columns.resources.serviceName, this.#ends.resource.owners);
  }

  scopeNames(): Promise<StringColumn> {
    return this.#strings(this.#columns.scopes.name, this.#ends.instrumentation.owners);
  }

  scopeVersions(): Promise<StringColumn> {
    return this.#strings(this.#columns.scopes.version, this.#ends.instrumentation.owners);
  }

  names(): Promise<StringColumn> {
    return this.#strings(this.#columns.name, this.spanCount);
  }

  statusMessages(): Promise<StringColumn> {
    return this.#strings(this.#columns.statusMessage, this.spanCount);
  }

  kinds(): Promise<Uint8Array> {
    return this.#perSpan(this.#columns.kind);
  }

  statusCodes(): Promise<Uint8Array> {
    return this.#perSpan(this.#columns.statusCode);
  }

  startUnixNano(): Promise<Uint32Array> {
    return this.#perSpan(this.#columns.startUnixNano, 2);
  }

  durationNano(): Promise<Float64Array> {
    return this.#perSpan(this.#columns.durationNano);
  }

  spanIds(): Promise<Uint32Array> {
    return this.#perSpan(this.#columns.spanId, 2);
  }

  parentIds(): Promise<Uint32Array> {
    return this.#perSpan(this.#columns.parentId, 2);
  }

  nestedSets(): Promise<NestedSetColumns> {
    this.#nestedSets ??= this.#numbered();
    return Promise.resolve(this.#nestedSets);
  }

  events(): Promise<EventColumnsView> {
    this.#events ??= eventColumns(this.#columns, this.#ends.event.owners);
    return Promise.resolve(this.#events);
  }

  links(): Promise<LinkColumnsView> {
    this.#links ??= linkColumns(this.#columns, this.#ends.link.owners);
    return Promise.resolve(this.#links);
  }

  attribute(
    scope: AttributeScope,
    key: string,
    want: AttributeWant = {},
  ): Promise<AttributeValues> {
    const known = this.#attributes.get(`${scope}.${key}`);
    if (known !== undefined) return Promise.resolve(known);
    const { anyOf, owners } = want;
    const wanted = anyOf && wantedCodes(anyOf, this.#columns.strings);
    if (wanted?.length === 0) return Promise.resolve(noValues);
    if (owners !== undefined && owners.length * FEW_RATIO < this.#ends[scope].owners) {
      return Promise.resolve(this.#attribute(scope, key, wanted, owners));
    }
    const name = JSON.stringify([scope, key, anyOf]);
    let values = this.#wanted.get(name);
    if (values === undefined) {
      values = this.#attribute(scope, key, wanted, undefined);
      if (wanted === undefined) this.#attributes.set(`${scope}.${key}`, values);
      else {
        if (this.#wanted.size >= WANTED_KEPT_MAX) this.#wanted.clear();
        this.#wanted.set(name, values);
      }
    }
    return Promise.resolve(values);
  }

  attributeKeys(scope: AttributeScope): Promise<string[]> {
    const { strings, resources } = this.#columns;
    const { rows, owners } = this.#ends[scope];
    const index = this.#shared.keys[scope];
    index.cover(this.#attributeStart(scope), owners);
    const keys = new Set(index.keys(rows).map((code) => strings.text(code)));
    const addOwn = (key: string, isPresent: ArrayLike<number>, absentMax: number) => {
      for (let owner = 0; owner < owners; owner++) {
        if (isPresent[owner]! <= absentMax) continue;
        keys.add(key);
        return;
      }
    };
    if (scope === "resource") addOwn(SERVICE_NAME, resources.serviceName, EMPTY_STRING);
    const own = this.#own(scope);
    own?.keys.strings.forEach((key, slot) => addOwn(key, own.strings[slot]!, ABSENT));
    own?.keys.ints.forEach((key, slot) => addOwn(key, own.ints[slot]!.isPresent, 0));
    return Promise.resolve([...keys]);
  }

  #attribute(
    scope: AttributeScope,
    key: string,
    wanted: readonly number[] | undefined,
    among: Int32Array | undefined,
  ): AttributeValues {
    const { strings } = this.#columns;
    const code = strings.find(key);
    const own = this.#ownColumn(scope, key);
    const index = this.#shared.keys[scope];
    const { owners, rows } = this.#ends[scope];
    const start = this.#attributeStart(scope);
    index.cover(start, owners);
    const first = index.firstRow(code);
    const isListed = code !== ABSENT && first >= 0 && first < rows;
    if (!isListed && own === undefined) return noValues;
    const isRepeated = index.isRepeated(code);
    const owned: OwnedList = { list: index.list, start, ownerCount: owners, isListed, isRepeated };
    return attributeValues(code, owned, own, strings, wanted, among);
  }

  #attributeStart(scope: AttributeScope): Int32Array {
    const { attributeStart, resources, scopes, events, links } = this.#columns;
    if (scope === "span") return attributeStart;
    if (scope === "resource") return resources.attributeStart;
    if (scope === "instrumentation") return scopes.attributeStart;
    return scope === "event" ? events.attributeStart : links.attributeStart;
  }

  #ownColumn(scope: AttributeScope, key: string): OwnColumn | undefined {
    if (scope === "resource" && key === SERVICE_NAME) {
      return { codes: this.#columns.resources.serviceName, absentMax: EMPTY_STRING };
    }
    const own = this.#own(scope);
    if (own === undefined) return undefined;
    const codes = own.strings[own.keys.strings.indexOf(key)];
    return codes ? { codes, absentMax: ABSENT } : own.ints[own.keys.ints.indexOf(key)];
  }

  /** Where values of dedicated attributes are, of scopes that may have such. */
  #own(scope: AttributeScope): OwnColumns | undefined {
    const { own, resources, events } = this.#columns;
    if (scope === "span") return own;
    if (scope === "resource") return resources.own;
    return scope === "event" ? events.own : undefined;
  }

  #numbered(): NestedSetColumns {
    const { numbered } = this.#shared;
    const known = numbered.spanCount <= this.spanCount ? numbered : NOTHING_NUMBERED;
    const own = numberSpans(this.#columns, this.spanCount, known);
    if (own.spanCount > numbered.spanCount) this.#shared.numbered = own;
    return own.sets;
  }

  #perSpan<T extends Int32Array | Uint32Array | Uint8Array | Float64Array>(
    column: T,
    width = 1,
  ): Promise<T> {
    return Promise.resolve(column.subarray(0, this.spanCount * width) as T);
  }

  #strings(codes: Int32Array, length: number): Promise<StringColumn> {
    return Promise.resolve({
      codes: codes.subarray(0, length),
      strings: this.#columns.strings,
    });
  }
}
