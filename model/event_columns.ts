// Events and links of SpanColumns, in the order of their spans.
// Rule: a row is real once committed; its attributes are those appended before that.

import { grown } from "../lib/growable.ts";
import { AttributeColumns } from "./attribute_columns.ts";
import type { DedicatedKeys } from "./dedicated_attributes.ts";
import { OwnColumns } from "./own_columns.ts";

const EVENT_BYTES = 20;
const LINK_BYTES = 36;

export class EventColumns {
  length = 0;
  timeUnixNano = new Uint32Array(128);
  name = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();
  /** Values of dedicated attributes, by event. */
  readonly own: OwnColumns;

  constructor(dedicated: DedicatedKeys) {
    this.own = new OwnColumns(dedicated, 64);
  }

  get sizeBytes(): number {
    return this.length * (EVENT_BYTES + this.own.bytesPerOwner) + this.attributes.sizeBytes;
  }

  get capacityBytes(): number {
    const perRow = EVENT_BYTES + this.own.bytesPerOwner;
    return this.name.length * perRow + this.attributes.capacityBytes;
  }

  /** The row of a new event; its attributes are those appended before `commit`. */
  next(): number {
    if (this.length === this.name.length) {
      this.timeUnixNano = grown(this.timeUnixNano, 0);
      this.name = grown(this.name, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
      this.own.grow(this.name.length);
    }
    if (!this.own.isEmpty) this.own.clear(this.length, this.length + 1);
    return this.length;
  }

  commit(): void {
    this.attributeStart[++this.length] = this.attributes.length;
  }

  truncate(length: number): void {
    this.length = length;
    this.attributes.truncate(this.attributeStart[length]!, this.attributes.elementCount);
  }
}

export class LinkColumns {
  length = 0;
  traceId = new Uint32Array(64);
  spanId = new Uint32Array(32);
  traceState = new Int32Array(16);
  droppedAttributes = new Int32Array(16);
  attributeStart = new Int32Array(17);
  readonly attributes = new AttributeColumns();

  get sizeBytes(): number {
    return this.length * LINK_BYTES + this.attributes.sizeBytes;
  }

  get capacityBytes(): number {
    return this.traceState.length * LINK_BYTES + this.attributes.capacityBytes;
  }

  next(): number {
    if (this.length === this.traceState.length) {
      this.traceId = grown(this.traceId, 0);
      this.spanId = grown(this.spanId, 0);
      this.traceState = grown(this.traceState, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
    }
    return this.length;
  }

  commit(): void {
    this.attributeStart[++this.length] = this.attributes.length;
  }

  truncate(length: number): void {
    this.length = length;
    this.attributes.truncate(this.attributeStart[length]!, this.attributes.elementCount);
  }
}
