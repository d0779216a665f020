// Codes of groups by position, and what a code is called; which spans positions stand for.

import type { StringColumn } from "../../../model/span_view.ts";
import type { ResultValue } from "../query_request.ts";
import { labelKey } from "./metrics_answer.ts";
import type { Rows } from "../row_lists.ts";

/** Which spans, in which order: `rows`, or all. */
export interface Positions {
  readonly rows: Rows | undefined;
  readonly count: number;
}

/** Visits the positions of those owners that have one; owners ascend, as rows do. */
export function eachPosition(
  owners: Int32Array,
  length: number,
  { rows, count }: Positions,
  visit: (position: number, index: number) => void,
): void {
  if (rows === undefined) {
    for (let j = 0; j < length; j++) if (owners[j]! < count) visit(owners[j]!, j);
    return;
  }
  let i = 0;
  for (let j = 0; j < length && i < count; j++) {
    const owner = owners[j]!;
    while (i < count && rows[i]! < owner) i++;
    if (i < count && rows[i] === owner) visit(i, j);
  }
}

/** Undefined is nil. */
export type Label = ResultValue | undefined;

export interface GroupColumn {
  /** By position. */
  readonly codes: Int32Array;
  /** Codes are [0, size). */
  readonly size: number;
  /** Made when asked for: there may be as many texts as spans, and most are never told. */
  label(code: number): Label;
  /** Equal for equal labels; made once per code. */
  key(code: number): string;
}

/** A column whose labels are made by `make`, each once. */
export function groupColumnOf(
  codes: Int32Array,
  size: number,
  make: (code: number) => Label,
): GroupColumn {
  const labels: Label[] = [];
  const keys: (string | undefined)[] = [];
  const label = (code: number) => labels[code] ??= make(code);
  return { codes, size, label, key: (code) => keys[code] ??= labelKey(label(code)) };
}

export const listed = (codes: Int32Array, labels: readonly Label[]): GroupColumn =>
  groupColumnOf(codes, labels.length, (code) => labels[code]);

/** Labels are texts of a dictionary, by dense code. */
export const texts = (
  codes: Int32Array,
  { strings }: Pick<StringColumn, "strings">,
  origins: readonly number[],
): GroupColumn => groupColumnOf(codes, origins.length, (code) => textOf(strings, origins[code]!));

export const textOf = (strings: StringColumn["strings"], code: number): Label =>
  text(code === 0 ? "" : strings.text(code));

export const text = (value: string): Label => ({ stringValue: value });

/** Beyond it a table by code costs more than a map. */
export const TABLE_MAX = 1 << 22;
