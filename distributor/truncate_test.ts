import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeOtlp, encodeOtlp, type Plain, requests } from "../tests/support/otlp.ts";
import { indexRequest } from "./regroup.ts";
import { type AttributeScope, truncateAttributes } from "./truncate.ts";

/** The same request with text of one byte a character. */
function ascii(plain: Plain): Plain {
  if (typeof plain === "string") return plain.replaceAll(/[^\x20-\x7e]/gu, "x");
  if (plain === null || typeof plain !== "object" || plain instanceof Uint8Array) return plain;
  if (Array.isArray(plain)) return plain.map(ascii);
  return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, ascii(value)]));
}

/** The obvious way, on decoded requests; only right for text of one byte a character. */
function slowly(
  request: Plain,
  max: number,
): { plain: Plain; cuts: Record<AttributeScope, number> } {
  const cuts = { resource: 0, scope: 0, span: 0, event: 0, link: 0 };
  const cutText = (text: string, scope: AttributeScope) => {
    if (text.length <= max) return text;
    cuts[scope]++;
    return text.slice(0, max);
  };
  const cut = (owner: Plain, scope: AttributeScope) => {
    for (const attribute of owner?.attributes ?? []) {
      attribute.key = cutText(attribute.key, scope);
      if (typeof attribute.value?.stringValue === "string") {
        attribute.value.stringValue = cutText(attribute.value.stringValue, scope);
      }
    }
  };
  const plain = structuredClone(request);
  for (const rs of plain.resourceSpans) {
    cut(rs.resource, "resource");
    for (const ss of rs.scopeSpans) {
      cut(ss.scope, "scope");
      for (const span of ss.spans) {
        cut(span, "span");
        if (span.parentSpanId.every((byte: number) => byte === 0)) span.parentSpanId = [];
        for (const event of span.events) cut(event, "event");
        for (const link of span.links) cut(link, "link");
      }
    }
  }
  return { plain, cuts };
}

Deno.test("keys and string values are cut as the obvious way cuts them, and nothing else changes", () => {
  let changes = 0;
  fc.assert(
    fc.property(
      requests.map(ascii),
      fc.nat({ max: 20 }),
      fc.boolean(),
      (request, max, hasZeros) => {
        if (hasZeros) {
          for (const rs of request.resourceSpans) {
            for (const ss of rs.scopeSpans) {
              for (const span of ss.spans) span.parentSpanId = new Uint8Array(8);
            }
          }
        }
        const bytes = encodeOtlp(request);
        const before = bytes.slice();
        const expected = slowly(decodeOtlp(bytes), max);
        const { request: cut, cuts } = truncateAttributes(bytes, max);
        assert.deepEqual(bytes, before);
        assert.deepEqual(cuts, expected.cuts);
        assert.deepEqual(
          decodeOtlp(cut),
          decodeOtlp(encodeOtlp(expected.plain)),
        );
        if (cut !== bytes) {
          changes++;
          assert.equal(indexRequest(bytes, max).needsRewrite, true, "the index must notice");
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(changes > 30, `only ${changes} runs had something to cut`);
});

Deno.test("a request in which nothing is too long is handed back itself", () => {
  const bytes = encodeOtlp({
    resourceSpans: [{ resource: { attributes: [{ key: "k".repeat(9), value: { intValue: 1 } }] } }],
  });
  assert.equal(truncateAttributes(bytes, 9).request, bytes);
  assert.notEqual(truncateAttributes(bytes, 8).request, bytes);
});
