import assert from "node:assert/strict";

import { InputError } from "../lib/errors.ts";
import { type PlainSpan, plainSpan, recordOfSpans } from "../tests/support/generator_spans.ts";
import { attributeNames, spanFilter } from "./filter_policies.ts";
import { RecordColumns } from "./record_columns.ts";
import type { AttributeMatch, FilterPolicy } from "./settings.ts";

const is = (key: string, value: string): AttributeMatch => ({ key, value, isRegex: false });
const like = (key: string, value: string): AttributeMatch => ({ key, value, isRegex: true });

function policy(parts: Partial<FilterPolicy>): FilterPolicy {
  return { include: undefined, includeAny: undefined, exclude: undefined, ...parts };
}

function passes(span: Partial<PlainSpan>, ...policies: FilterPolicy[]): boolean {
  const columns = new RecordColumns();
  columns.want({
    attributes: attributeNames(policies),
    hasTraceState: false,
    hasStatusMessage: false,
  });
  columns.read(recordOfSpans([plainSpan(span)]));
  return spanFilter(policies)(columns.spans, 0);
}

Deno.test("without a policy every span passes", () => {
  assert.ok(passes({}));
});

Deno.test("a span's own properties and attributes are matched as labels tell them", () => {
  const matches: AttributeMatch[] = [
    is("kind", "SPAN_KIND_SERVER"),
    is("status", "STATUS_CODE_ERROR"),
    is("name", "GET /"),
    is("span.n", "5"),
    is("span.on", "true"),
    is("resource.service.name", "shop"),
    like("resource.service.name", "^sh"),
    like("kind", "SERVER|CLIENT"),
  ];
  const span = { status: 2, attributes: { n: 5, on: true } };
  for (const match of matches) {
    assert.ok(passes(span, policy({ include: [match] })), match.value);
    assert.ok(!passes(span, policy({ exclude: [match] })), match.value);
  }
  assert.ok(!passes({ attributes: {} }, policy({ include: [is("span.n", "")] })));
});

Deno.test("include wants all, includeAny one, exclude turns away who has all", () => {
  const [yes, no] = [is("name", "GET /"), is("name", "POST /")];
  assert.ok(passes({}, policy({ include: [yes, yes] })));
  assert.ok(!passes({}, policy({ include: [yes, no] })));
  assert.ok(passes({}, policy({ includeAny: [no, yes] })));
  assert.ok(!passes({}, policy({ includeAny: [no] })));
  assert.ok(!passes({}, policy({ exclude: [yes, yes] })));
  assert.ok(passes({}, policy({ exclude: [yes, no] })));
  assert.ok(!passes({}, policy({ include: [yes], exclude: [yes] })));
  assert.ok(!passes({}, policy({ include: [yes] }), policy({ include: [no] })));
});

Deno.test("what makes no sense is refused", () => {
  for (const match of [like("name", "("), is("", "x"), is("event.x", "y"), is("service", "z")]) {
    assert.throws(() => spanFilter([policy({ include: [match] })]), InputError);
  }
});
