// The nested lists of a row group, as ListLevels, cut into stripes of whole traces.

import type { AttributeColumns } from "../../model/attribute_columns.ts";
import { ListLevels } from "../parquet/list_levels.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { TraceLayout } from "../../model/trace_layout.ts";

const SPANS_PER_STRIPE = 8192;

export class BlockLists {
  readonly traces = new ListLevels(0);
  readonly serviceStats = new ListLevels(1); // row: index into serviceStats of trace_summary.ts
  readonly resources = new ListLevels(1);
  readonly resourceAttributes = new ListLevels(2);
  readonly scopes = new ListLevels(2);
  readonly scopeAttributes = new ListLevels(3);
  readonly scopeSpanCounts: number[] = [];
  readonly spans = new ListLevels(3);
  readonly spanAttributes = new ListLevels(4);
  readonly events = new ListLevels(4);
  readonly eventAttributes = new ListLevels(5);
  readonly links = new ListLevels(4);
  readonly linkAttributes = new ListLevels(5);
  readonly all = [
    this.traces,
    this.serviceStats,
    this.resources,
    this.resourceAttributes,
    this.scopes,
    this.scopeAttributes,
    this.spans,
    this.spanAttributes,
    this.events,
    this.eventAttributes,
    this.links,
    this.linkAttributes,
  ];

  constructor(columns: SpanColumns, layout: TraceLayout, statsStart: Int32Array) {
    const { traceStart, resourceStart, scopeStart, order } = layout;
    let stripeSpans = SPANS_PER_STRIPE;
    for (let trace = 0; trace < layout.traces.length; trace++) {
      if (stripeSpans >= SPANS_PER_STRIPE) {
        for (const list of this.all) list.startStripe();
        stripeSpans = 0;
      }
      this.traces.push(trace, 0, 0);
      for (let i = statsStart[trace]!; i < statsStart[trace + 1]!; i++) {
        this.serviceStats.push(i, i === statsStart[trace] ? 0 : 1, 1);
      }
      let repetition = 0;
      for (let resource = traceStart[trace]!; resource < traceStart[trace + 1]!; resource++) {
        const firstScope = resourceStart[resource]!;
        const resourceRow = columns.resource[order[scopeStart[firstScope]!]!]!;
        this.resources.push(resourceRow, repetition, 1);
        const { attributeStart } = columns.resources;
        pushList(this.resourceAttributes, attributeStart, resourceRow, repetition);
        for (let scope = firstScope; scope < resourceStart[resource + 1]!; scope++) {
          const start = scopeStart[scope]!;
          const end = scopeStart[scope + 1]!;
          const scopeRow = columns.scope[order[start]!]!;
          this.scopes.push(scopeRow, repetition, 2);
          this.scopeSpanCounts.push(end - start);
          pushList(this.scopeAttributes, columns.scopes.attributeStart, scopeRow, repetition);
          for (let i = start; i < end; i++) {
            this.#pushSpan(columns, order[i]!, repetition);
            repetition = 3;
          }
          stripeSpans += end - start;
          repetition = 2;
        }
        repetition = 1;
      }
    }
  }

  #pushSpan(columns: SpanColumns, row: number, repetition: number): void {
    this.spans.push(row, repetition, 3);
    pushList(this.spanAttributes, columns.attributeStart, row, repetition);
    pushNested(
      this.events,
      this.eventAttributes,
      columns.eventStart,
      columns.events,
      row,
      repetition,
    );
    pushNested(this.links, this.linkAttributes, columns.linkStart, columns.links, row, repetition);
  }
}

/** The elements of one owner's list, or the entry that says it is empty. */
function pushList(list: ListLevels, start: Int32Array, owner: number, repetition: number): void {
  const from = start[owner]!;
  const to = start[owner + 1]!;
  if (from === to) {
    list.push(-1, repetition, list.levelMax - 1);
    return;
  }
  for (let i = from; i < to; i++) {
    list.push(i, repetition, list.levelMax);
    repetition = list.levelMax;
  }
}

/** Like pushList, for elements that have attributes themselves. */
function pushNested(
  list: ListLevels,
  attributes: ListLevels,
  start: Int32Array,
  elements: { attributeStart: Int32Array; attributes: AttributeColumns },
  owner: number,
  repetition: number,
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
    pushList(attributes, elements.attributeStart, i, repetition);
    repetition = list.levelMax;
  }
}
