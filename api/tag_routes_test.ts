import assert from "node:assert/strict";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi } from "../tests/support/test_api.ts";

const PROTOBUF = { Accept: "application/protobuf" };

Deno.test("names of tags: sorted in their scopes, in v1 one list without intrinsics", async () => {
  const api = createTestApi();
  api.frontend.tagsAnswer = {
    ...api.frontend.tagsAnswer,
    scopes: { span: ["b", "a", "x"], resource: ["x"], event: [] },
  };
  const v2 = await (await api.get("/api/v2/search/tags")).json();
  assert.deepEqual(v2.scopes.slice(0, 2), [
    { name: "span", tags: ["a", "b", "x"] },
    { name: "resource", tags: ["x"] },
  ]);
  assert.equal(v2.scopes[2].name, "intrinsic");
  assert.equal(v2.scopes.length, 3);
  const v1 = await (await api.get("/api/search/tags")).json();
  assert.deepEqual(v1.tagNames, ["a", "b", "x"]);
  const limited = await (await api.get("/api/v2/search/tags?limit=1&scope=span")).json();
  assert.deepEqual(limited.scopes, [{ name: "span", tags: ["a"] }, {
    name: "resource",
    tags: ["x"],
  }]);
  const decoded = decodeAnswer(
    "SearchTagsV2Response",
    await (await api.get("/api/v2/search/tags", PROTOBUF)).bytes(),
  );
  assert.deepEqual(decoded.scopes, v2.scopes);
});

Deno.test("values of a tag: typed in v2, texts in v1", async () => {
  const api = createTestApi();
  const values = [{ type: "int", value: "7" }, { type: "string", value: "" }] as const;
  api.frontend.tagValuesAnswer = { ...api.frontend.tagValuesAnswer, values };
  const path = "/api/v2/search/tag/span.x/values";
  const { tagValues } = await (await api.get(path)).json();
  assert.deepEqual(tagValues, [{ type: "int", value: "7" }, { type: "string" }]);
  const decoded = decodeAnswer(
    "SearchTagValuesV2Response",
    await (await api.get(path, PROTOBUF)).bytes(),
  );
  assert.deepEqual(decoded.tagValues, tagValues);
  const v1 = await (await api.get("/api/search/tag/x/values")).json();
  assert.deepEqual(v1.tagValues, ["", "7"]);
});

Deno.test("tags arrive escaped, escaped twice, with slashes, and beside a stray parameter", async () => {
  const cases = [
    ["/api/v2/search/tag/span.foo/bar/values?tag=x", "span.foo/bar"],
    ["/api/v2/search/tag/span.%22a%20b%22/values", 'span."a b"'],
    ["/api/v2/search/tag/span.%2522a%2520b%2522/values", 'span."a b"'],
    ["/api/v2/search/tag/span.a%2Fb/values", "span.a/b"],
    ["/api/search/tag/a%20b/values", '."a b"'],
    ["/api/search/tag/http.method/values", ".http.method"],
    ["/api/search/tag/root.name/values", "rootName"],
    ["/api/search/tag/status.code/values", "status"],
    ["/api/search/tag/status/values", ".status"],
  ] as const;
  const api = createTestApi();
  for (const [path, tag] of cases) {
    const response = await api.get(path);
    assert.equal(response.status, 200, await response.text());
    const request = api.frontend.asked.at(-1)!;
    assert.equal(request.kind === "tag_values" && request.tag, tag);
  }
});

Deno.test("a filter narrows tags as far as it makes sense", async () => {
  const cases = [
    ["{}", "{ true }"],
    [`{ name = "a" } | count() > 0`, "{ name = `a` }"],
    [`{ name = "a" && span.x = }`, "{ name = `a` && true }"],
    ["{ x", ""],
    ["{} | rate()", ""],
  ] as const;
  const api = createTestApi();
  for (const [q, narrowed] of cases) {
    const response = await api.get(`/api/v2/search/tags?q=${encodeURIComponent(q)}`);
    assert.equal(response.status, 200, await response.text());
    const request = api.frontend.asked.at(-1)!;
    assert.equal(request.kind === "tags" && request.query, narrowed, q);
  }
});
