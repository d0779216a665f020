// The peer's recorded tags and tag values, against ours over the same traces in memory.
// Where we differ on purpose, golden_differences.ts says why; everything else must be equal as sets.

import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { LiveView } from "../../model/live_view.ts";
import { recordings } from "../../tests/support/golden_http.ts";
import { goldenSpans } from "../../tests/support/golden_spans.ts";
import { query } from "./execute.ts";
import { tagDifferences } from "./golden_differences.ts";

const signal = new AbortController().signal;

Deno.test("tags and their values are as the peer's recorded ones", async () => {
  const view = LiveView.of(goldenSpans());
  const wrong: string[] = [];
  const stale = new Set(Object.keys(tagDifferences));
  let equal = 0;
  for (const { name, group, path, headers, status, body } of await recordings("tags.jsonl.gz")) {
    // v1 is made of v2 by whoever speaks HTTP, and limits of tags are applied there.
    if (!group.endsWith("v2") || body === undefined || "Accept" in headers) continue;
    const url = new URL(path, "http://x");
    if (url.searchParams.has("limit") || !url.searchParams.has("end")) continue;
    const expected = status === 200 ? peers(JSON.parse(body)) : `status ${status}`;
    const told = await answer(view, url);
    const key = `${name} ${group}`;
    const isEqual = JSON.stringify(told) === JSON.stringify(expected);
    if (key in tagDifferences) {
      if (!isEqual) stale.delete(key);
    } else if (isEqual) equal++;
    else wrong.push(`${key}\n  ours ${brief(told, expected)}\n  peer ${brief(expected, told)}`);
  }
  assert.equal(wrong.length, 0, `${equal} equal, ${wrong.length} differ:\n${wrong.join("\n")}`);
  assert.deepEqual([...stale], [], "differences that are none");
  assert.ok(equal > 45, `only ${equal} compared`);
});

async function answer(view: LiveView, { pathname, searchParams }: URL): Promise<unknown> {
  const common = {
    tenant: "t",
    query: searchParams.get("q") ?? "",
    startSeconds: 0,
    endSeconds: 0,
  };
  const [, tag] = /\/tag\/(.*)\/values$/.exec(decodeURIComponent(pathname)) ?? [];
  try {
    if (tag === undefined) {
      const scope = searchParams.get("scope") ?? "";
      const { scopes } = await query({ ...common, kind: "tags", scope }, view, signal);
      return Object.entries(scopes).flatMap(([scope, keys]) => keys.map((key) => [scope, key]))
        .sort();
    }
    const { values } = await query(
      { ...common, kind: "tag_values", tag, limit: 0, bytesMax: 0 },
      view,
      signal,
    );
    return values.map(({ type, value }) => [type, value]).sort();
  } catch (error) {
    if (error instanceof InputError) return "status 400";
    throw error;
  }
}

// deno-lint-ignore no-explicit-any
function peers({ scopes, tagValues }: any): unknown {
  if (tagValues !== undefined) {
    // deno-lint-ignore no-explicit-any
    return tagValues.map(({ type, value }: any) => [type, value ?? ""]).sort();
  }
  // deno-lint-ignore no-explicit-any
  return scopes.flatMap(({ name, tags }: any) => tags.map((tag: string) => [name, tag])).sort();
}

/** What one has and the other has not. */
function brief(value: unknown, other: unknown): string {
  if (!Array.isArray(value)) return String(value);
  const known = new Set(Array.isArray(other) ? other.map((entry) => entry.join(" ")) : []);
  const own = value.map((entry) => entry.join(" ")).filter((entry) => !known.has(entry));
  return `${own.length} of ${value.length}: ${own.slice(0, 12).join(", ").slice(0, 400)}`;
}
