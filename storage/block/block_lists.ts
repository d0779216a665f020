// The nested lists of a row group, as ListLevels, cut into stripes of whole traces.
// `row` of an entry is the row in the columns, or in the layout for traces and service stats.

import type { AttributeColumns } from "../../model/attribute_columns.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { TraceLayout } from "../../model/trace_layout.ts";
import { ListLevels } from "../parquet/list_levels.ts";
import { DedicatedArrays } from "./dedicated_writer.ts";

export const SPANS_PER_STRIPE = 4096;
/** Lists of a row group may be so much longer than its share of them. */
const ROOM = 1.05;

export class BlockLists {
  readonly traces = new ListLevels(0);
  readonly serviceStats = new ListLevels(1);
  readonly resources = new ListLevels(1);
  readonly resourceAttributes = new ListLevels(2);
  readonly scopes = new ListLevels(2);
  readonly scopeAttributes = new ListLevels(3);
  /** In the order of `scopes`. */
  readonly scopeSpanCounts: Int32Array;
  readonly spans = new ListLevels(3);
  readonly spanAttributes = new ListLevels(4);
  readonly events = new ListLevels(4);
  readonly eventAttributes = new ListLevels(5);
  readonly links = new ListLevels(4);
  readonly linkAttributes = new ListLevels(5);
  /** Arrays that stand in columns of their own, and so not in attribute lists. */
  readonly resourceArrays: DedicatedArrays;
  readonly spanArrays: DedicatedArrays;
  readonly eventArrays: DedicatedArrays;

  readonly #belowResource = [this.scopes, this.scopeAttributes];
  readonly #belowScope = [
    this.spans,
    this.spanAttributes,
    this.events,
    this.eventAttributes,
    this.links,
    this.linkAttributes,
  ];

  constructor(readonly columns: SpanColumns, layout: TraceLayout, statsStart: Int32Array) {
    const { strings, dedicated: { hasArrays } } = columns;
    this.resourceArrays = new DedicatedArrays(columns.resources, strings, hasArrays);
    this.spanArrays = new DedicatedArrays(columns, strings, hasArrays);
    this.eventArrays = new DedicatedArrays(columns.events, strings, hasArrays);
    this.scopeSpanCounts = new Int32Array(layout.scopeRow.length);
    for (let i = 0; i < this.scopeSpanCounts.length; i++) {
      this.scopeSpanCounts[i] = layout.scopeStart[i + 1]! - layout.scopeStart[i]!;
    }
    this.#reserve(layout);
    const { traceStart, resourceStart, scopeStart } = layout;
    let stripeSpans = SPANS_PER_STRIPE;
    for (let trace = 0; trace < layout.traces.length; trace++) {
      if (stripeSpans >= SPANS_PER_STRIPE) {
        this.#startStripe();
        stripeSpans = 0;
      }
      this.traces.push(trace, 0, 0);
      for (let i = statsStart[trace]!; i < statsStart[trace + 1]!; i++) {
        this.serviceStats.push(i, i === statsStart[trace] ? 0 : 1, 1);
      }
      this.#pushTrace(layout, trace);
      const firstSpan = scopeStart[resourceStart[traceStart[trace]!]!]!;
      stripeSpans += scopeStart[resourceStart[traceStart[trace + 1]!]!]! - firstSpan;
    }
  }

  /** A row group of some of the traces has about as large a part of everything else. */
  #reserve({ order, resourceRow, scopeRow }: TraceLayout): void {
    const { columns } = this;
    const { resources, events, links } = columns;
    const spans = order.length;
    const share = spans / Math.max(1, columns.length) * ROOM;
    this.resources.reserve(resourceRow.length);
    this.resourceAttributes.reserve(
      resourceRow.length * ROOM * resources.attributes.length / Math.max(1, resources.length),
    );
    this.scopes.reserve(scopeRow.length);
    this.scopeAttributes.reserve(scopeRow.length);
    this.spans.reserve(spans);
    this.spanAttributes.reserve(share * columns.attributes.length);
    this.events.reserve(spans + share * events.length);
    this.eventAttributes.reserve(spans + share * events.attributes.length);
    this.links.reserve(spans + share * links.length);
    this.linkAttributes.reserve(spans + share * links.attributes.length);
  }

  #startStripe(): void {
    for (const list of [this.traces, this.serviceStats, this.resources, this.resourceAttributes]) {
      list.startStripe();
    }
    for (const list of this.#belowResource) list.startStripe();
    for (const list of this.#belowScope) list.startStripe();
  }

  #pushTrace({ traceStart, resourceStart, ...layout }: TraceLayout, trace: number): void {
    const { columns } = this;
    let repetition = 0;
    for (let resource = traceStart[trace]!; resource < traceStart[trace + 1]!; resource++) {
      const resourceRow = layout.resourceRow[resource]!;
      this.resources.push(resourceRow, repetition, 1);
      pushList(
        this.resourceAttributes,
        columns.resources.attributeStart,
        resourceRow,
        repetition,
        this.resourceArrays.isMoved,
      );
      const firstScope = resourceStart[resource]!;
      const endScope = resourceStart[resource + 1]!;
      if (firstScope === endScope) {
        for (const list of this.#belowResource) list.push(-1, repetition, 1);
        for (const list of this.#belowScope) list.push(-1, repetition, 1);
      }
      for (let scope = firstScope; scope < endScope; scope++) {
        const scopeRow = layout.scopeRow[scope]!;
        this.scopes.push(scopeRow, repetition, 2);
        const { attributeStart } = columns.scopes;
        pushList(this.scopeAttributes, attributeStart, scopeRow, repetition, NONE_MOVED);
        const start = layout.scopeStart[scope]!;
        const end = layout.scopeStart[scope + 1]!;
        if (start === end) { for (const list of this.#belowScope) list.push(-1, repetition, 2); }
        for (let i = start; i < end; i++) {
          this.#pushSpan(layout.order[i]!, repetition);
          repetition = 3;
        }
        repetition = 2;
      }
      repetition = 1;
    }
  }

  #pushSpan(row: number, repetition: number): void {
    const { columns } = this;
    const { eventStart, linkStart, events, links } = columns;
    this.spans.push(row, repetition, 3);
    const { isMoved } = this.spanArrays;
    pushList(this.spanAttributes, columns.attributeStart, row, repetition, isMoved);
    const moved = this.eventArrays.isMoved;
    pushNested(this.events, this.eventAttributes, eventStart, events, row, repetition, moved);
    pushNested(this.links, this.linkAttributes, linkStart, links, row, repetition, NONE_MOVED);
  }
}

const NONE_MOVED = new Uint8Array(0);

/** The elements of one owner's list, or the entry that says it is empty. */
function pushList(
  list: ListLevels,
  start: Int32Array,
  owner: number,
  repetition: number,
  isMoved: Uint8Array,
): void {
  const from = start[owner]!;
  const to = start[owner + 1]!;
  const { length } = list;
  if (isMoved.length === 0) {
    for (let i = from; i < to; i++) {
      list.push(i, repetition, list.levelMax);
      repetition = list.levelMax;
    }
  } else {
    for (let i = from; i < to; i++) {
      if (isMoved[i] !== 0) continue;
      list.push(i, repetition, list.levelMax);
      repetition = list.levelMax;
    }
  }
  if (list.length === length) list.push(-1, repetition, list.levelMax - 1);
}

/** Like pushList, for elements that have attributes themselves. */
function pushNested(
  list: ListLevels,
  attributes: ListLevels,
  start: Int32Array,
  elements: { attributeStart: Int32Array; attributes: AttributeColumns },
  owner: number,
  repetition: number,
  isMoved: Uint8Array,
): void {
  const from = start[owner]!;
  const to = start[owner + 1]!;
  if (from === to) {
    list.push(-1, repetition, list.levelMax - 1);
    attributes.push(-1, repetition, list.levelMax - 1);
    return;
  }
  for (let i = from; i < to; i++) {
    list.push(i, repetition, list.levelMax);
    pushList(attributes, elements.attributeStart, i, repetition, isMoved);
    repetition = list.levelMax;
  }
}
