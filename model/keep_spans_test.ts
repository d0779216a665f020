import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeOtlp, requests } from "../tests/support/otlp.ts";
import { keepSpans, spanLinks } from "./keep_spans.ts";
import { tracesJson } from "./otlp_json.ts";

const id = (n: number) => new Uint8Array(8).fill(n);
const hex = (n: number) => id(n).toHex();
const trace = encodeOtlp({
  resourceSpans: [
    { resource: {}, scopeSpans: [{ spans: [{ spanId: id(1) }] }, { spans: [{ spanId: id(2) }] }] },
    { schemaUrl: "u", scopeSpans: [{ spans: [{ spanId: id(3), parentSpanId: id(1) }] }] },
    { scopeSpans: [{ scope: { name: "no spans" } }] },
  ],
});

Deno.test("links are told in order; a root has no parent", () => {
  assert.deepEqual(spanLinks(trace), [
    { spanId: hex(1), parentId: "" },
    { spanId: hex(2), parentId: "" },
    { spanId: hex(3), parentId: hex(1) },
  ]);
  assert.deepEqual(
    spanLinks(encodeOtlp({
      resourceSpans: [{ scopeSpans: [{ spans: [{ spanId: id(4), parentSpanId: id(0) }] }] }],
    })),
    [{ spanId: hex(4), parentId: "" }],
  );
});

Deno.test("resources and scopes without kept spans go, what stands beside kept ones stays", () => {
  const b64 = (n: number) => id(n).toBase64();
  assert.deepEqual(tracesJson(keepSpans(trace, new Set([hex(2), hex(3)]))), {
    resourceSpans: [
      { resource: {}, scopeSpans: [{ spans: [{ spanId: b64(2) }] }] },
      {
        schemaUrl: "u",
        scopeSpans: [{ spans: [{ spanId: b64(3), parentSpanId: b64(1) }] }],
      },
    ],
  });
  assert.equal(keepSpans(trace, new Set()).length, 0);
});

Deno.test("of any trace exactly the kept spans are left, in their order", () => {
  fc.assert(fc.property(requests, fc.func(fc.boolean()), (request, choose) => {
    const bytes = encodeOtlp(request);
    const links = spanLinks(bytes);
    const kept = new Set(links.map(({ spanId }) => spanId).filter((spanId) => choose(spanId)));
    assert.deepEqual(
      spanLinks(keepSpans(bytes, kept)),
      links.filter(({ spanId }) => kept.has(spanId)),
    );
  }));
});
