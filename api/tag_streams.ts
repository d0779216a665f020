// Tag names and values that are told as they are found: each once, and no more than were asked for.

import type { TagsAnswer, TagValue, TagValuesAnswer } from "../query/engine/mod.ts";
import type { Growing } from "../query/frontend/mod.ts";
import { packets, type Put } from "./packets.ts";
import { putMetrics, putScope, putTagValue, tagNamesOf, tagScopes } from "./tag_answers.ts";
import type { TagsStyle } from "./tag_answers.ts";

type Stream<A> = AsyncIterable<Growing<A>>;

export async function* tagsStreamV2(
  answers: Stream<TagsAnswer>,
  style: TagsStyle,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const told = new Map<string, Set<string>>();
  for await (const growing of answers) {
    const items: Put[] = [];
    for (const [scope, tags] of tagScopes(growing.answer, style)) {
      const known = told.get(scope) ?? new Set<string>();
      told.set(scope, known);
      const limit = scope === "intrinsic" ? 0 : style.limit;
      const fresh = tags.filter((tag) => isFresh(known, tag, limit));
      // A scope may be larger than a message.
      for (let at = 0; at < fresh.length; at += 1000) {
        items.push((out) => putScope(out, scope, fresh.slice(at, at + 1000)));
      }
    }
    yield* packets(items, metricsOf(growing), bytesMax);
  }
}

export async function* tagsStreamV1(
  answers: Stream<TagsAnswer>,
  style: TagsStyle,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const told = new Set<string>();
  for await (const growing of answers) {
    const fresh = tagNamesOf(growing.answer, style).filter((tag) => isFresh(told, tag, 0));
    yield* packets(
      fresh.map((tag): Put => (out) => out.text(1, tag)),
      metricsOf(growing),
      bytesMax,
    );
  }
}

export async function* tagValuesStreamV2(
  answers: Stream<TagValuesAnswer>,
  limit: number,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const told = new Set<string>();
  const isNew = ({ type, value }: TagValue) => isFresh(told, `${type} ${value}`, limit);
  for await (const growing of answers) {
    const items = growing.answer.values.filter(isNew)
      .map((value): Put => (out) => putTagValue(out, value));
    yield* packets(items, metricsOf(growing), bytesMax);
  }
}

export async function* tagValuesStreamV1(
  answers: Stream<TagValuesAnswer>,
  limit: number,
  bytesMax: number,
): AsyncIterable<Uint8Array> {
  const told = new Set<string>();
  for await (const growing of answers) {
    const fresh = growing.answer.values.map(({ value }) => value)
      .filter((value) => isFresh(told, value, limit));
    yield* packets(
      fresh.map((value): Put => (out) => out.text(1, value)),
      metricsOf(growing),
      bytesMax,
    );
  }
}

/** True once for each name; `limit` 0 is no bound. */
function isFresh(told: Set<string>, name: string, limit: number): boolean {
  if (told.has(name) || (limit > 0 && told.size >= limit)) return false;
  told.add(name);
  return true;
}

function metricsOf(growing: Growing<TagsAnswer | TagValuesAnswer>): Put {
  return (out) => out.message(2, () => putMetrics(out, growing));
}
