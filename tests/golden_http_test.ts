// Every recorded answer of the peer over HTTP, against ours to the same requests: the whole read path, from
// the block that the peer's own process had written to the text that goes out; of pushes:
// distributor/receivers/otlp_http_test.ts.
// Compared as the recordings' README says: without figures of cost, lists as sets, numbers within 1e-9,
// exemplars as examples; refusals may tell a place besides. Where we differ on purpose golden_http_differences.ts says why; a difference that is
// none fails too.
// deno-lint-ignore-file no-explicit-any
import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { eachBody } from "../lib/protobuf_fields.ts";
import { createRuntime } from "../lib/runtime.ts";
import type { BlockMeta } from "../model/block_meta.ts";
import { tracesJson } from "../model/otlp_json.ts";
import { createFrontend } from "../query/frontend/mod.ts";
import { BlockQuerier, ScanPool } from "../query/querier/mod.ts";
import { type ObjectStore, writeBlock } from "../storage/mod.ts";
import { goldenBlock } from "./support/golden_blocks.ts";
import { type Recording, recordings } from "./support/golden_http.ts";
import { httpDifference, httpDifferences } from "./support/golden_http_differences.ts";
import { recordedLiveStore } from "./support/lone_live_store.ts";
import { pushedTraces, SENT_LATER } from "./support/pushed_traces.ts";
import { withoutPlace } from "./support/refused.ts";
import { createTestApi, type TestApi } from "./support/test_api.ts";
import { decodeAnswer } from "./support/tempopb.ts";

const FILES: Readonly<Record<string, string>> = {
  search: "search.jsonl.gz",
  "search-errors": "search-errors.jsonl",
  "errors-traceql": "errors-traceql.jsonl",
  "errors-metrics": "errors-metrics.jsonl",
  tags: "tags.jsonl.gz",
  "metrics-queries": "metrics-queries.jsonl.gz",
  "trace-by-id": "trace-by-id.jsonl.gz",
};

/** What the recorded instance was sent after all else, and so had in a second block. */
const LATER: Readonly<Record<string, string>> = { "negative-duration": "negative-duration.jsonl" };

/** Pages about the process; status pages begin with their own path. */
const PAGES: Readonly<Record<string, string>> = { misc: "misc.jsonl" };

async function asked({ hasLater }: { readonly hasLater: boolean }): Promise<TestApi> {
  const { store, meta } = await goldenBlock("v5-live-store");
  const metas = hasLater ? [meta, await writeLaterBlock(store, meta)] : [meta];
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const options = { workers: 0, cacheBytesMax: 1 << 28, scansMax: 2, findsMax: 2 };
  const pool = new ScanPool(runtime, store, options);
  const listed = () => metas;
  const frontend = createFrontend(runtime, {
    live: { query: () => Promise.resolve([]), findTrace: () => Promise.resolve([]) },
    blocks: new BlockQuerier(runtime, { blocks: listed, blocksOverlapping: listed }, pool.scanners),
  });
  const { rings, downscale } = await recordedLiveStore();
  return createTestApi({ frontend, rings, downscale });
}

/** The block that the traces of `SENT_LATER` came into, made the way they came. */
async function writeLaterBlock(store: ObjectStore, first: BlockMeta): Promise<BlockMeta> {
  const { columns, refused } = await pushedTraces((name) => SENT_LATER.includes(name));
  assert.deepEqual(refused, []);
  const request = {
    tenant: first.tenantID,
    blockId: "f30710d8-862c-4368-847b-1c95353c5e3a",
    columns,
    codec: "zstd" as const,
    clampStartMs: 0,
    clampEndMs: Date.parse(first.endTime),
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  const { signal } = new AbortController();
  return await writeBlock(store, request, () => Promise.resolve(), signal);
}

Deno.test("every recorded request is answered as recorded, or differs for a reason", async () => {
  await compareAll(FILES, await asked({ hasLater: false }), 733);
});

Deno.test("questions about spans that end before they start, too", async () => {
  const api = await asked({ hasLater: true });
  await compareAll(LATER, api, 8);
  // Clients that are strict about unsigned numbers refuse an answer for one that is not.
  const q = encodeURIComponent('{ resource.service.name = "times" && duration < 0 }');
  const { traces } = await (await api.get(`/api/search?q=${q}&limit=9`)).json();
  const spans = traces.flatMap(({ spanSet }: any) => spanSet.spans);
  assert.deepEqual(
    spans.map(({ spanID }: any) => spanID),
    ["f4ed478cbbb87d96", "e4d6f41ea9dc4d81", "daf5b99c5d47599b"],
  );
  assert.deepEqual(spans.map(({ durationNanos }: any) => durationNanos), Array(3).fill(undefined));
});

Deno.test("so do pages about the process, and what has no page", async () => {
  const api = await asked({ hasLater: false });
  await compareAll(PAGES, api, 22);
  for (const { path, response_headers, body = "" } of await recordings(PAGES.misc!)) {
    if (!path.startsWith("/status") || !body.startsWith("GET /status")) continue;
    const response = await api.get(path);
    assert.equal(response.headers.get("Content-Type"), response_headers["content-type"], path);
    const sections = (text: string) => text.match(/^GET .*$/gm);
    assert.deepEqual(sections(await response.text()), sections(body), path);
  }
});

async function compareAll(
  files: Readonly<Record<string, string>>,
  api: TestApi,
  equalMin: number,
): Promise<void> {
  const wrong: string[] = [];
  const ofFile = (key: string) => Object.hasOwn(files, key.slice(0, key.indexOf(" ")));
  const stale = new Set(Object.keys(httpDifferences).filter(ofFile));
  let equal = 0;
  for (const [file, path] of Object.entries(files)) {
    for (const recorded of await recordings(path)) {
      const { group = "", name, method, headers } = recorded;
      // Sent already: it is what the block was made of.
      if (method === "POST" && recorded.path === "/v1/traces") continue;
      const response = await api.send(method, recorded.path, headers, recorded.request_body);
      const why = await difference(response, recorded);
      const known = httpDifference(file, group, name);
      if (why !== undefined) stale.delete(`${file} ${group} ${name}`);
      const of = `${file} | ${group} | ${name}`;
      if (why === undefined) equal++;
      else if (known === undefined) wrong.push(`${of}: ${why}`);
    }
  }
  assert.deepEqual(wrong, [], `${equal} equal`);
  assert.deepEqual([...stale], [], "differences that are none");
  assert.ok(equal >= equalMin, `only ${equal} are equal`);
}

async function difference(response: Response, recorded: Recording): Promise<string | undefined> {
  const bytes = await response.bytes();
  const text = new TextDecoder().decode(bytes);
  if (response.status !== recorded.status) return `status ${response.status}: ${text}`;
  if (recorded.status !== 200) {
    return withoutPlace(text) === (recorded.body ?? "") ? undefined : `${text}\n  ${recorded.body}`;
  }
  const type = response.headers.get("Content-Type") ?? "";
  if (type !== recorded.response_headers["content-type"]) return `type ${type}`;
  if (type.startsWith("text/")) return text === recorded.body ? undefined : text.slice(0, 300);
  const expected = recorded.body_base64 === undefined
    ? JSON.parse(recorded.body!)
    : decoded(Uint8Array.fromBase64(recorded.body_base64), recorded);
  const actual = type === "application/protobuf" ? decoded(bytes, recorded) : JSON.parse(text);
  return firstDifference(comparable(actual), comparable(expected), "");
}

/** A protobuf body as JSON. */
function decoded(bytes: Uint8Array, { path }: Recording): any {
  const { pathname } = new URL(path, "http://x");
  if (pathname.startsWith("/api/traces/")) return { trace: tracesJson(bytes) };
  if (pathname.startsWith("/api/v2/traces/")) {
    let trace: any = {};
    eachBody(bytes, 1, (body) => trace = tracesJson(body));
    return { trace };
  }
  const isV2 = pathname.startsWith("/api/v2/");
  if (pathname.endsWith("/values")) {
    return decodeAnswer(isV2 ? "SearchTagValuesV2Response" : "SearchTagValuesResponse", bytes);
  }
  if (pathname.endsWith("/tags")) {
    return decodeAnswer(isV2 ? "SearchTagsV2Response" : "SearchTagsResponse", bytes);
  }
  return decodeAnswer("SearchResponse", bytes);
}

/** Costs and examples left out, lists in one order, spans of a trace one by one. */
function comparable(value: any): any {
  if (Array.isArray(value)) {
    return value.map(comparable).map((one) => [sortKey(one), one] as const)
      .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, one]) => one);
  }
  if (value === null || typeof value !== "object") return value;
  const { metrics: _, exemplars: __, ...rest } = value;
  const spans = rest.batches ?? rest.resourceSpans;
  if (spans !== undefined) return { spans: comparable(eachSpan(spans)) };
  const names = Object.keys(rest).sort();
  return Object.fromEntries(names.map((name) => [name, comparable(rest[name])]));
}

const sortKey = (value: unknown) =>
  JSON.stringify(value, (_, v) => typeof v === "number" ? Number(v.toPrecision(6)) : v);

/** Spans of equal resource and scope may be parted anyhow. */
function eachSpan(batches: any[]): any[] {
  return batches.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }: any) =>
      spans.map((span: any) => ({ resource, scope, span }))
    )
  );
}

function firstDifference(a: any, b: any, at: string): string | undefined {
  if (typeof a === "number" && typeof b === "number") {
    const isNear = a === b || Math.abs(a - b) <= 1e-9 * Math.abs(b);
    return isNear ? undefined : `${at}: ${a} and ${b}`;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return Object.is(a, b) ? undefined : `${at}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const why = firstDifference(a[key], b[key], `${at}/${key}`);
    if (why !== undefined) return why.slice(0, 300);
  }
  return undefined;
}
