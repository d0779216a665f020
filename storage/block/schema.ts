// What a schema is made of: groups and leaves with their levels, and the encodings we choose.
// Encodings are a choice that the file states for each chunk, and so are codecs (column_chunk.ts).
// A list of vParquet5 is a repeated group or leaf; one of vParquet4 has two groups around it,
// `list` and `element`, which names of columns leave out: levels are the same.

import type { DedicatedScope } from "../../model/dedicated_attributes.ts";

export const enum Repetition {
  Required = 0,
  Optional = 1,
  Repeated = 2,
}

export type Encoding = "dictionary" | "delta" | "deltaBytes" | "plain";
export type LeafType = "string" | "bytes" | "i32" | "u32" | "i64" | "u64" | "double" | "bool";

/** Which dedicated attribute a column holds; a slot of -1 is room for one that nobody asked for. */
export interface OwnLeaf {
  readonly scope: DedicatedScope;
  readonly type: "string" | "int";
  readonly slot: number;
}

export interface Leaf {
  readonly name: string;
  /** As the file says it. */
  readonly path: readonly string[];
  /** Without the wrappers of lists and maps: the name by which writer and reader know it. */
  readonly column: string;
  readonly repetition: Repetition;
  readonly type: LeafType;
  readonly encoding: Encoding;
  /** Whether pages and chunks say their smallest and largest value, so that readers can skip them. */
  readonly hasBounds: boolean;
  /** Long texts, each different: always zstd, as in the peer. */
  readonly isBlob: boolean;
  readonly own: OwnLeaf | undefined;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

export interface Group {
  readonly name: string;
  readonly repetition: Repetition;
  /** What readers that know lists and maps are told. */
  readonly annotation: "list" | "map" | undefined;
  readonly children: readonly (Group | Leaf)[];
}

export function leavesOf(node: Group | Leaf): Leaf[] {
  return "children" in node ? node.children.flatMap(leavesOf) : [node];
}

/** A node that does not know its place yet. */
export type Draft = (place: Place) => Group | Leaf;

interface Place {
  readonly path: readonly string[];
  /** Of the names in `path` those that count. */
  readonly column: string;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

const top: Place = { path: [], column: "", repetitionMax: 0, definitionMax: 0 };

export function rootOf(name: string, children: readonly Draft[]): Group {
  return {
    name,
    repetition: Repetition.Required,
    annotation: undefined,
    children: children.map((child) => child(top)),
  };
}

export interface LeafOptions {
  readonly repetition?: Repetition;
  readonly hasBounds?: boolean;
  readonly isBlob?: boolean;
  readonly own?: OwnLeaf;
  /** Where names of columns have another name for it; "" is that of the group. */
  readonly column?: string;
}

export function leaf(
  name: string,
  type: LeafType,
  encoding: Encoding,
  options: LeafOptions = {},
): Draft {
  const { repetition = Repetition.Required, hasBounds = false, isBlob = false, own } = options;
  return (place) => ({
    name,
    path: [...place.path, name],
    column: within(place.column, options.column ?? name),
    repetition,
    type,
    encoding,
    hasBounds,
    isBlob,
    own,
    repetitionMax: place.repetitionMax + (repetition === Repetition.Repeated ? 1 : 0),
    definitionMax: place.definitionMax + (repetition === Repetition.Required ? 0 : 1),
  });
}

export interface GroupOptions {
  readonly repetition?: Repetition;
  readonly annotation?: "list" | "map";
  /** Whether names of columns leave it out. */
  readonly isHidden?: boolean;
}

export function group(
  name: string,
  children: readonly Draft[],
  options: GroupOptions = {},
): Draft {
  const { repetition = Repetition.Required, annotation, isHidden = false } = options;
  const step = repetition === Repetition.Repeated ? 1 : 0;
  return ({ path, column, repetitionMax, definitionMax }) => {
    const place: Place = {
      path: [...path, name],
      column: isHidden ? column : within(column, name),
      repetitionMax: repetitionMax + step,
      definitionMax: definitionMax + step,
    };
    return { name, repetition, annotation, children: children.map((child) => child(place)) };
  };
}

function within(column: string, name: string): string {
  return column === "" || name === "" ? column + name : `${column}.${name}`;
}
