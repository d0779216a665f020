import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { query } from "./execute.ts";
import type { TagsRequest, TagValuesRequest } from "./query_request.ts";
import { INTRINSIC_TAGS } from "./tags.ts";

const signal = new AbortController().signal;
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const int = (key: string, intValue: string) => ({ key, value: { intValue } });

const columns = new SpanColumns(defaultDedicated);
new OtlpDecoder(columns).decode(encodeOtlp({
  resourceSpans: [{
    resource: { attributes: [text("service.name", "shop"), text("zone", "a")] },
    scopeSpans: [{
      scope: { name: "lib", attributes: [text("build", "7")] },
      spans: [
        {
          traceId: new Uint8Array(16).fill(1),
          name: "GET",
          kind: 2,
          attributes: [text("http.method", "GET"), int("n", "1"), text("n", "one")],
          events: [{ name: "boom", attributes: [text("why", "so")] }],
        },
        { traceId: new Uint8Array(16).fill(1), name: "POST", attributes: [int("n", "2")] },
      ],
    }],
  }, {
    resource: { attributes: [text("service.name", "cart")] },
    scopeSpans: [{
      spans: [{
        traceId: new Uint8Array(16).fill(2),
        name: "PUT",
        attributes: [int("n", "3"), { key: "half", value: { doubleValue: 2 } }],
        links: [{ attributes: [{ key: "ok", value: { boolValue: true } }] }],
      }],
    }],
  }],
}));
const view = LiveView.of(columns);

const common = { tenant: "t", startSeconds: 0, endSeconds: 0 };

async function tags(scope: string, text = ""): Promise<Record<string, readonly string[]>> {
  const request: TagsRequest = { ...common, kind: "tags", scope, query: text };
  return { ...(await query(request, view, signal)).scopes };
}

async function values(
  tag: string,
  text = "",
  of: Partial<TagValuesRequest> = {},
): Promise<string[]> {
  const request: TagValuesRequest = {
    ...common,
    kind: "tag_values",
    tag,
    query: text,
    limit: 0,
    bytesMax: 0,
    ...of,
  };
  const answer = await query(request, view, signal);
  return answer.values.map(({ type, value }) => `${type} ${value}`);
}

const all = {
  resource: ["service.name", "zone"],
  span: ["half", "http.method", "n"],
  event: ["why"],
  link: ["ok"],
  instrumentation: ["build"],
  intrinsic: INTRINSIC_TAGS,
};

Deno.test("tags tell the keys of every scope, or of one", async () => {
  assert.deepEqual(await tags(""), all);
  assert.deepEqual(await tags("none"), all);
  assert.deepEqual(await tags("event"), { event: ["why"] });
  assert.deepEqual(await tags("intrinsic"), { intrinsic: INTRINSIC_TAGS });
  assert.deepEqual(await tags("trace"), {});
  await assert.rejects(tags("bogus"), new InputError("invalid_argument", "invalid scope: bogus"));
});

Deno.test("a filter leaves the keys that its spans have", async () => {
  assert.deepEqual(await tags("", '{ name = "POST" }'), {
    resource: ["service.name", "zone"],
    span: ["n"],
    instrumentation: ["build"],
    intrinsic: INTRINSIC_TAGS,
  });
  assert.deepEqual(await tags("link", '{ name = "PUT" }'), { link: ["ok"] });
  assert.deepEqual(await tags("event", "{ false }"), {});
});

Deno.test("a filter that cannot be read leaves everything, an incomplete matcher holds", async () => {
  assert.deepEqual(await tags("", "{ x"), all);
  assert.deepEqual(await tags("span", '{ name = "POST" && span.x = }'), { span: ["n"] });
  assert.deepEqual(await tags("span", '{ span.x =~ && name = "POST" }'), { span: ["n"] });
});

Deno.test("too many alternatives are refused", async () => {
  const matchers = (count: number) =>
    `{ ${Array.from({ length: count }, (_, i) => `.a = ${i}`).join(" || ")} }`;
  await tags("span", matchers(100));
  await assert.rejects(tags("span", matchers(101)), /maximum condition groups reached/);
});

Deno.test("values are told with their types, over all spans or those that match", async () => {
  assert.deepEqual(await values("span.n"), ["int 1", "int 2", "int 3", "string one"]);
  assert.deepEqual(await values("span.n", '{ resource.zone = "a" && kind = server }'), [
    "int 1",
    "string one",
  ]);
  assert.deepEqual(await values(".half"), ["float 2.0"]);
  assert.deepEqual(await values("link.ok"), ["bool true"]);
  assert.deepEqual(await values("event.why", '{ name = "PUT" }'), []);
  assert.deepEqual(await values("span.nosuch"), []);
  assert.deepEqual(await values("resource.service.name"), ["string cart", "string shop"]);
  assert.deepEqual(await values("resource.service.name", '{ name = "GET" }'), ["string shop"]);
});

Deno.test("intrinsics have values too", async () => {
  assert.deepEqual(await values("name"), ["string GET", "string POST", "string PUT"]);
  assert.deepEqual(await values("span:name", "{ kind = server }"), ["string GET"]);
  assert.deepEqual(await values("rootServiceName"), ["string cart", "string shop"]);
  assert.deepEqual(await values("event:name"), ["string boom"]);
  assert.deepEqual(await values("instrumentation:name"), ["string ", "string lib"]);
  assert.deepEqual(await values("status"), ["keyword error", "keyword ok", "keyword unset"]);
  assert.equal((await values("kind")).length, 6);
  assert.deepEqual(await values("duration"), []);
});

Deno.test("values stop at their limits, and a tag that is none is refused", async () => {
  assert.deepEqual(await values("span.n", "", { limit: 2 }), ["int 1", "int 2"]);
  assert.deepEqual(await values("span.n", "", { bytesMax: 8 }), ["int 1", "int 2"]);
  await assert.rejects(values("foo bar{"), InputError);
  await assert.rejects(values("parent.a"), InputError);
});
