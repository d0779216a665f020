import assert from "node:assert/strict";
import { createTestApi, NOW_MS } from "../tests/support/test_api.ts";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { WATERMARK_HEADER } from "./watermark.ts";

const watermarks = () => [
  { partition: 0, nextOffset: 1234, completeToMs: NOW_MS + 0.5 },
  { partition: 1, nextOffset: 0, completeToMs: NOW_MS - 5_120 },
];

Deno.test("every answer to a query says how far it is complete", async () => {
  const api = createTestApi({ watermarks });
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}a`, foundTrace(new Uint8Array(0)));
  for (
    const path of [
      "/api/search?q=%7B%7D",
      "/api/traces/a",
      "/api/v2/traces/a",
      "/api/search/tags",
      "/api/v2/search/tags",
      "/api/search/tag/a/values",
      "/api/v2/search/tag/.a/values",
      "/api/metrics/query_range?q=%7B%7D%7Crate()",
      "/api/metrics/query?q=%7B%7D%7Crate()",
      "/querier/api/search",
    ]
  ) {
    const response = await api.get(path);
    assert.equal(response.status, 200, path);
    assert.equal(
      response.headers.get(WATERMARK_HEADER),
      `0;offset=1234;time=${NOW_MS / 1_000}, 1;offset=0;time=${(NOW_MS - 5_120) / 1_000}`,
      path,
    );
  }
});

Deno.test("an answer that is none says nothing", async () => {
  const api = createTestApi({ watermarks });
  assert.equal((await api.get("/api/search?q=%7B")).headers.get(WATERMARK_HEADER), null);
  const silent = await createTestApi().get("/api/search");
  assert.equal(silent.headers.get(WATERMARK_HEADER), null);
});
