// The columns of vParquet5, in file order: ../spec/vparquet.md.

import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";

export const enum Repetition {
  Required = 0,
  Optional = 1,
  Repeated = 2,
}

export type Encoding = "dictionary" | "delta" | "deltaBytes" | "plain";
export type LeafType = "string" | "bytes" | "i32" | "u32" | "i64" | "u64" | "double" | "bool";

export interface Leaf {
  readonly name: string;
  readonly path: readonly string[];
  readonly repetition: Repetition;
  readonly type: LeafType;
  readonly encoding: Encoding;
  readonly isCompressed: boolean;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

export interface Group {
  readonly name: string;
  readonly repetition: Repetition;
  readonly children: readonly (Group | Leaf)[];
}

type Draft = (
  path: readonly string[],
  repetitionMax: number,
  definitionMax: number,
) => Group | Leaf;

export function vparquet5Schema(dedicated: DedicatedAttributes): Group {
  const two = (index: number) => String(index + 1).padStart(2, "0");
  const strings = (keys: readonly string[]) =>
    keys.map((_, i) => repeated("String" + two(i), "string", "dictionary"));
  const ints = (keys: readonly string[]) =>
    keys.map((_, i) => repeated("Int" + two(i), "i64", "plain"));
  return group("Trace", Repetition.Required, [
    leaf("TraceID", "bytes", "deltaBytes", false),
    leaf("TraceIDText", "string", "deltaBytes"),
    leaf("StartTimeUnixNano", "u64", "delta", false),
    leaf("EndTimeUnixNano", "u64", "delta", false),
    leaf("DurationNano", "u64", "delta", false),
    leaf("RootServiceName", "string", "dictionary", false),
    leaf("RootSpanName", "string", "dictionary", false),
    group("ServiceStats", Repetition.Repeated, [
      leaf("ServiceName", "string", "dictionary"),
      leaf("SpanCount", "u32", "delta", false),
      leaf("ErrorCount", "u32", "delta", false),
    ]),
    group("rs", Repetition.Repeated, [
      group("Resource", Repetition.Required, [
        leaf("ServiceName", "string", "dictionary"),
        attributes(),
        leaf("DroppedAttributesCount", "i32", "delta"),
        group("DedicatedAttributes", Repetition.Required, strings(dedicated.resourceStrings)),
      ]),
      group("ss", Repetition.Repeated, [
        group("Scope", Repetition.Required, [
          leaf("Name", "string", "dictionary"),
          leaf("Version", "string", "dictionary"),
          attributes(),
          leaf("DroppedAttributesCount", "i32", "delta"),
        ]),
        group("Spans", Repetition.Repeated, [
          leaf("SpanID", "bytes", "deltaBytes", false),
          leaf("ParentSpanID", "bytes", "deltaBytes", false),
          leaf("ParentID", "i32", "delta", false),
          leaf("NestedSetLeft", "i32", "delta", false),
          leaf("NestedSetRight", "i32", "delta", false),
          leaf("ChildCount", "i32", "delta", false),
          leaf("Name", "string", "dictionary"),
          leaf("Kind", "i64", "delta", false),
          leaf("TraceState", "string", "deltaBytes"),
          leaf("StartTimeUnixNano", "u64", "delta", false),
          leaf("DurationNano", "u64", "delta", false),
          leaf("StatusCode", "i64", "delta", false),
          leaf("StatusMessage", "string", "deltaBytes"),
          attributes(),
          leaf("DroppedAttributesCount", "i32", "delta"),
          group("Events", Repetition.Repeated, [
            leaf("TimeSinceStartNano", "u64", "delta", false),
            leaf("Name", "string", "dictionary"),
            attributes(),
            leaf("DroppedAttributesCount", "i32", "delta"),
          ]),
          leaf("DroppedEventsCount", "i32", "plain"),
          group("Links", Repetition.Repeated, [
            leaf("TraceID", "bytes", "deltaBytes", false),
            leaf("SpanID", "bytes", "deltaBytes", false),
            leaf("TraceState", "string", "deltaBytes"),
            attributes(),
            leaf("DroppedAttributesCount", "i32", "delta"),
          ]),
          leaf("DroppedLinksCount", "i32", "plain"),
          group("DedicatedAttributes", Repetition.Required, [
            ...strings(dedicated.spanStrings),
            ...ints(dedicated.spanInts),
          ]),
          leaf("StartTimeRounded15", "u32", "delta", false),
          leaf("StartTimeRounded60", "u32", "delta", false),
          leaf("StartTimeRounded300", "u32", "delta", false),
          leaf("StartTimeRounded3600", "u32", "delta", false),
        ]),
        leaf("SpanCount", "i32", "delta", false),
      ]),
    ]),
  ])([], 0, 0) as Group;
}

export function leavesOf(node: Group | Leaf): Leaf[] {
  return "children" in node ? node.children.flatMap(leavesOf) : [node];
}

function attributes(): Draft {
  return group("Attrs", Repetition.Repeated, [
    leaf("Key", "string", "dictionary"),
    leaf("IsArray", "bool", "plain"),
    repeated("Value", "string", "dictionary"),
    repeated("ValueInt", "i64", "plain"),
    repeated("ValueDouble", "double", "plain"),
    repeated("ValueBool", "bool", "plain"),
    leaf("ValueUnsupported", "string", "deltaBytes", true, Repetition.Optional),
  ]);
}

function repeated(name: string, type: LeafType, encoding: Encoding): Draft {
  return leaf(name, type, encoding, true, Repetition.Repeated);
}

function leaf(
  name: string,
  type: LeafType,
  encoding: Encoding,
  isCompressed = true,
  repetition = Repetition.Required,
): Draft {
  return (path, repetitionMax, definitionMax) => ({
    name,
    path: [...path, name],
    repetition,
    type,
    encoding,
    isCompressed,
    repetitionMax: repetitionMax + (repetition === Repetition.Repeated ? 1 : 0),
    definitionMax: definitionMax + (repetition === Repetition.Required ? 0 : 1),
  });
}

function group(name: string, repetition: Repetition, children: readonly Draft[]): Draft {
  return (path, repetitionMax, definitionMax) => {
    const step = repetition === Repetition.Repeated ? 1 : 0;
    const childPath = name === "Trace" ? [] : [...path, name];
    return {
      name,
      repetition,
      children: children.map((child) =>
        child(childPath, repetitionMax + step, definitionMax + step)
      ),
    };
  };
}
