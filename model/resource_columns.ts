// Distinct resources and scopes of SpanColumns, each met once: a span has the row of its own.
// Rule: attributes appended since the last row belong to the next one.

import { grown } from "../lib/growable.ts";
import { AttributeColumns } from "./attribute_columns.ts";
import type { DedicatedKeys } from "./dedicated_attributes.ts";
import { OwnColumns } from "./own_columns.ts";

const RESOURCE_BYTES = 16;
const SCOPE_BYTES = 16;

/** Distinct resources; hundreds where there are millions of spans, so growth is plain. */
export class ResourceColumns {
  length = 0;
  serviceName = new Int32Array(64);
  /** Of several `service.name` the last is the service, but a root span shows the first. */
  firstServiceName = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();
  /** Values of dedicated attributes, by row. */
  readonly own: OwnColumns;

  constructor(dedicated: DedicatedKeys) {
    this.own = new OwnColumns(dedicated, 64);
  }

  get sizeBytes(): number {
    const perRow = RESOURCE_BYTES + this.own.bytesPerOwner;
    return this.length * perRow + this.attributes.sizeBytes;
  }

  /** The row of a resource in the making, without values of its own: `append` makes it real. */
  next(): number {
    const row = this.length;
    if (row === this.serviceName.length) {
      this.serviceName = grown(this.serviceName, 0);
      this.firstServiceName = grown(this.firstServiceName, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
      this.own.grow(this.serviceName.length);
    }
    this.own.clear(row, row + 1);
    return row;
  }

  append(
    serviceName: number,
    droppedAttributes: number,
    firstServiceName = serviceName,
  ): number {
    const row = this.length++;
    this.serviceName[row] = serviceName;
    this.firstServiceName[row] = firstServiceName;
    this.droppedAttributes[row] = droppedAttributes;
    this.attributeStart[row + 1] = this.attributes.length;
    return row;
  }
}

/** Distinct scopes. */
export class ScopeColumns {
  length = 0;
  name = new Int32Array(64);
  version = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();

  get sizeBytes(): number {
    return this.length * SCOPE_BYTES + this.attributes.sizeBytes;
  }

  append(name: number, version: number, droppedAttributes: number): number {
    const row = this.length++;
    if (row === this.name.length) {
      this.name = grown(this.name, 0);
      this.version = grown(this.version, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
    }
    this.name[row] = name;
    this.version[row] = version;
    this.droppedAttributes[row] = droppedAttributes;
    this.attributeStart[row + 1] = this.attributes.length;
    return row;
  }
}
