import assert from "node:assert/strict";
import type { ResultTrace } from "../query/engine/mod.ts";
import { createTestApi } from "../tests/support/test_api.ts";
import { CURSOR_HEADER, cursorAfter, parseCursor } from "./search_cursor.ts";

const trace = (n: number, start: bigint): ResultTrace => ({
  traceId: n.toString(16).padStart(32, "0"),
  rootServiceName: "",
  rootTraceName: "",
  startUnixNano: start,
  durationNano: 0n,
  spanSets: [],
  serviceStats: {},
});

Deno.test("a cursor is a place; one that is none is refused", () => {
  const last = trace(255, 1_767_268_800_000_000_001n);
  assert.deepEqual(parseCursor(cursorAfter(last)), {
    startUnixNano: last.startUnixNano,
    traceId: last.traceId,
  });
  assert.equal(parseCursor(""), undefined);
  for (const text of ["x", "1-ff", `-1-${last.traceId}`, `${cursorAfter(last)}0`]) {
    assert.throws(() => parseCursor(text), { code: "invalid_argument", message: /invalid cursor/ });
  }
});

Deno.test("a full page says where the next begins, the last one does not", async () => {
  const api = createTestApi();
  api.frontend.searchAnswer = {
    kind: "search",
    inspectedTraces: 0,
    inspectedSpans: 0,
    inspectedBytes: 0,
    traces: [trace(2, 20n), trace(1, 10n)],
  };
  const page = await api.get("/api/search?q=%7B%7D&limit=2&cursor=");
  const cursor = page.headers.get(CURSOR_HEADER)!;
  assert.equal(cursor, cursorAfter(trace(1, 10n)));
  const next = await api.get(`/api/search?q=%7B%7D&limit=3&cursor=${cursor}`);
  assert.equal(next.headers.get(CURSOR_HEADER), null);
  assert.deepEqual(api.frontend.asked.map((asked) => asked.kind === "search" && asked.page), [
    { after: undefined },
    { after: { startUnixNano: 10n, traceId: trace(1, 0n).traceId } },
  ]);
  assert.ok(api.frontend.asked.every((asked) => asked.kind === "search" && asked.mostRecent));
  assert.equal((await api.get("/api/search?limit=2")).headers.get(CURSOR_HEADER), null);
  assert.equal((await api.get("/api/search?cursor=17")).status, 400);
});
