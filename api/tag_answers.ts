// The answers about tags: names by scope, values by type; each in the form of old (v1) and in v2.
import type { ProtobufWriter } from "../lib/protobuf_writer.ts";
import {
  INTRINSIC_TAGS,
  type QueryCost,
  type TagsAnswer,
  type TagValue,
  type TagValuesAnswer,
} from "../query/engine/mod.ts";
import type { Answered } from "../query/frontend/mod.ts";
import { type AnswerForms, nonZero, putText, putUint64 } from "./answer_format.ts";

export interface TagsStyle {
  /** As requested; "" and "none" mean all. */
  readonly scope: string;
  /** Tags a scope; 0: no bound. */
  readonly limit: number;
  /** Of all names together; what does not fit is left out. */
  readonly bytesMax: number;
}

export function tagsAnswerV2(answered: Answered<TagsAnswer>, style: TagsStyle): AnswerForms {
  const scopes = tagScopes(answered.answer, style);
  return {
    json: () => ({
      scopes: scopes.map(([name, tags]) => ({ name, ...(tags.length === 0 ? {} : { tags }) })),
      metrics: metricsJson(answered),
    }),
    protobuf: (out) => {
      for (const [name, tags] of scopes) putScope(out, name, tags);
      out.message(2, () => putMetrics(out, answered));
    },
  };
}

export function tagsAnswerV1(answered: Answered<TagsAnswer>, style: TagsStyle): AnswerForms {
  const tagNames = tagNamesOf(answered.answer, style);
  return {
    json: () => ({ tagNames, metrics: metricsJson(answered) }),
    protobuf: (out) => {
      for (const name of tagNames) out.text(1, name);
      out.message(2, () => putMetrics(out, answered));
    },
  };
}

export function tagValuesAnswerV2(answered: Answered<TagValuesAnswer>): AnswerForms {
  const { values } = answered.answer;
  return {
    json: () => ({
      tagValues: values.map(({ type, value }) => ({ type, ...nonZero("value", value) })),
      metrics: metricsJson(answered),
    }),
    llm: () => ({ tagValues: valuesByType(values) }),
    protobuf: (out) => {
      for (const value of values) putTagValue(out, value);
      out.message(2, () => putMetrics(out, answered));
    },
  };
}

function valuesByType(values: readonly TagValue[]): Record<string, string[]> {
  const byType: Record<string, string[]> = {};
  for (const { type, value } of values) (byType[type] ??= []).push(value);
  return byType;
}

export function tagValuesAnswerV1(answered: Answered<TagValuesAnswer>): AnswerForms {
  const tagValues = [...new Set(answered.answer.values.map(({ value }) => value))].sort();
  return {
    json: () => ({ tagValues, metrics: metricsJson(answered) }),
    protobuf: (out) => {
      for (const value of tagValues) out.text(1, value);
      out.message(2, () => putMetrics(out, answered));
    },
  };
}

/** All names in one list; intrinsics only where they alone were asked for. */
export function tagNamesOf(answer: TagsAnswer, style: TagsStyle): string[] {
  const names = tagScopes(answer, style).flatMap(([name, tags]) =>
    name === "intrinsic" && style.scope !== "intrinsic" ? [] : tags
  );
  return [...new Set(names)].sort();
}

/** Scopes that have tags, each sorted and within the bounds. */
export function tagScopes(
  answer: TagsAnswer,
  style: TagsStyle,
): [name: string, tags: string[]][] {
  const all = style.scope === "" || style.scope === "none";
  let bytesLeft = style.bytesMax === 0 ? Infinity : style.bytesMax;
  const scopes: [string, string[]][] = [];
  for (const [name, found] of Object.entries(answer.scopes)) {
    if (name === "intrinsic") continue;
    const sorted = [...found].sort();
    const tags = (style.limit === 0 ? sorted : sorted.slice(0, style.limit))
      .filter((tag) => (bytesLeft -= tag.length) >= 0);
    if (tags.length > 0) scopes.push([name, tags]);
  }
  // Known without looking, so they cost nothing of the bounds.
  if (all || style.scope === "intrinsic") scopes.push(["intrinsic", [...INTRINSIC_TAGS]]);
  return scopes;
}

function metricsJson({ answer, stats }: Answered<QueryCost>): unknown {
  return {
    ...nonZero("inspectedBytes", BigInt(answer.inspectedBytes)),
    ...nonZero("totalJobs", stats.totalJobs),
    ...nonZero("completedJobs", stats.completedJobs),
    ...nonZero("totalBlocks", stats.totalBlocks),
    ...nonZero("totalBlockBytes", BigInt(stats.totalBlockBytes)),
  };
}

export function putScope(out: ProtobufWriter, name: string, tags: readonly string[]): void {
  out.message(1, () => {
    out.text(1, name);
    for (const tag of tags) out.text(2, tag);
  });
}

export function putTagValue(out: ProtobufWriter, { type, value }: TagValue): void {
  out.message(1, () => {
    out.text(1, type);
    putText(out, 2, value);
  });
}

export function putMetrics(out: ProtobufWriter, { answer, stats }: Answered<QueryCost>): void {
  putUint64(out, 1, answer.inspectedBytes);
  out.varint(2, stats.totalJobs);
  out.varint(3, stats.completedJobs);
  out.varint(4, stats.totalBlocks);
  putUint64(out, 5, stats.totalBlockBytes);
}
