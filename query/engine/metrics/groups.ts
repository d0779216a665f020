// Several columns to group by as one: dense codes of the combinations that occur.

import type { SpanView } from "../../../model/span_view.ts";
import type { Reference } from "../../traceql/mod.ts";
import { groupColumn } from "./group_column.ts";
import type { GroupColumn, Label, Positions } from "./label_column.ts";

export interface Groups {
  /** By position; undefined: all are one group. */
  readonly codes: Int32Array | undefined;
  readonly count: number;
  /** Of a group, one per reference. */
  labels(group: number): readonly Label[];
  /** Equal for equal labels, in any view. */
  key(group: number): string;
}

const ONE_GROUP: Groups = { codes: undefined, count: 1, labels: () => [], key: () => "" };

export async function groupsOf(
  view: SpanView,
  by: readonly Reference[],
  at: Positions,
): Promise<Groups> {
  let groups = ONE_GROUP;
  for (const ref of by) groups = combined(groups, await groupColumn(view, ref, at));
  return groups;
}

const TABLE_MAX = 1 << 22;

export function combined(groups: Groups, column: GroupColumn): Groups {
  const { codes: inner, size: width } = column;
  if (groups.codes === undefined) {
    const labels = (group: number) => [column.label(group)];
    return { codes: inner, count: width, labels, key: column.key };
  }
  const outer = groups.codes;
  const codes = new Int32Array(inner.length);
  const pairs: number[] = [];
  if (groups.count * width <= TABLE_MAX) {
    const known = new Int32Array(groups.count * width); // code + 1
    for (let i = 0; i < codes.length; i++) {
      const pair = outer[i]! * width + inner[i]!;
      const code = known[pair]!;
      codes[i] = code === 0 ? (known[pair] = pairs.push(pair)) - 1 : code - 1;
    }
  } else {
    const known = new Map<number, number>();
    for (let i = 0; i < codes.length; i++) {
      const pair = outer[i]! * width + inner[i]!;
      let code = known.get(pair);
      if (code === undefined) known.set(pair, code = pairs.push(pair) - 1);
      codes[i] = code;
    }
  }
  return {
    codes,
    count: pairs.length,
    labels: (group) => {
      const pair = pairs[group]!;
      return [...groups.labels(Math.floor(pair / width)), column.label(pair % width)];
    },
    key: (group) => {
      const pair = pairs[group]!;
      return `${groups.key(Math.floor(pair / width))}\0${column.key(pair % width)}`;
    },
  };
}
