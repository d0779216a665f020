// The examples of the specification: what parses, what makes sense, and the shape of what is subtle.
import assert from "node:assert/strict";
import { parse, parseAndValidate, parseIdentifier, print, validate } from "./mod.ts";

const UNPARSABLE = [
  "true",
  "( true )",
  "{ . }",
  "{ attribute = 4 }",
  "{ .a == 4 }",
  "{ span. }",
  "{ true } = { true }",
  "{ true } + { true }",
  "max(status) = ok",
  "avg(.f) + 1",
  "select()",
  "select(1+.a)",
  "coalesce() | {}",
  "count() > 3 && {}",
  "{} | count()",
  "{} | by()",
  '{ .foo = "a" } | 3 > 2',
  "2 * 3",
  "{} | topk(10)",
  "{} | rate() | topk(-1)",
  "{} | rate() == 42",
  "{} | rate() + 5",
  "({} | rate()) % 10",
  "({} | rate()) * 10s",
  "({} | rate()) > (10s * 2)",
  "2 < (by(x) | count())",
  "{ trace:status = error }",
  "{ span:rootName = 1 }",
  '{ trace:rootServiceName = "a" }',
  "{ nil }",
  "{ .a > nil }",
  "({} | count() > 1) | {}",
  "({} | count() > 1) && {}",
  "{} && ({} | count() > 1)",
  '{ .a = "\\q" }',
  '{ .a = "\n" }',
  "{ .a = 1 } with (a=)",
  "{ .a = 1 /* }",
  "{ @ }",
  '{ span."a = 1 }',
  "{ .a = 1e999 }",
  "(coalesce() | {}) && ({})",
  "-count() > 1",
  "{} | rate() > count()",
];

const SENSELESS = [
  "{ status }",
  '{ "foo" }',
  "{ 1 + 1 }",
  '{ 1 = "foo" }',
  "{ status > ok }",
  "{ -true }",
  "{ !1 = 1 }",
  "{ rootServiceName = 1 }",
  "{ span:status = nil }",
  '{ span.foo =~ "[" }',
  "sum(3) = 2",
  "{} | by(1)",
  '{ nestedSetLeft = "foo" }',
  "{} | rate() | topk(0)",
  "{} | compare({status=error}) > 10",
  "{ parent.a = 1 }",
  "{ parent }",
  "{} | select(parent.span.x)",
  "{ .a } >> { name }",
  "({ name } | count() > 1) && ({})",
  "2 < count()",
  "count() + 1 > 2",
  "({} | count()) > 1",
  "{} | rate() by (parent.a)",
  "{} | compare({ name })",
  "({} | quantile_over_time(duration, 1.5)) + 1",
  "{ .a + 1 }",
];

const SENSIBLE = [
  "{ 1 < 1h }",
  '{ .http.status >= "200" }',
  "avg(.field) > 1 - 3",
  "max(duration) > 3s | { status = error }",
  "{} | by(name) | count() > 2",
  "by(.a) | {}",
  "{} | rate() > 0 | topk(5) <= 10",
  "({} | max_over_time(duration)) > 10s",
  "1 + 2 + ({} | rate())",
  "({} | rate() > 6) * 100 > 5 | topk(1)",
  "{ nil = nil }",
  "{} | count_over_time() by (name) | topk(10) with(sample=0.1)",
  "({} && {}) | count() > 1",
  "({}) && ({} | count() > 1)",
  "{ .a } with (a=1) with (b=true, c=`x`)",
  "{ span:id != nil && link:traceID != nil }",
  "(({} | rate()) + ({} | rate())) / 2",
  "{ .a + .b }",
];

Deno.test("texts outside the grammar are refused with their place", () => {
  for (const text of UNPARSABLE) {
    assert.throws(
      () => parse(text),
      {
        name: "InputError",
        code: "invalid_argument",
        message: /^parse error at line 1, col \d+: /,
      },
      text,
    );
  }
});

Deno.test("texts that parse but make no sense are refused by validation", () => {
  for (const text of SENSELESS) {
    const root = parse(text);
    assert.throws(() => validate(root), { name: "InputError", code: "invalid_argument" }, text);
  }
});

Deno.test("texts that make sense are accepted", () => {
  for (const text of SENSIBLE) parseAndValidate(text);
});

const PRINTED: readonly (readonly [string, string])[] = [
  ["{}", "{ true }"],
  ["{ .a||.b&&.c }", "{ .a || .b && .c }"],
  ["{ .a || (.b && .c) }", "{ .a || (.b && .c) }"],
  ["{ ((.a)) }", "{ .a }"],
  ["{ !(.a * .b) = 1 }", "{ !.a * .b = 1 }"],
  ["{ (!.a) * .b = 1 }", "{ (!.a) * .b = 1 }"],
  ["{ !.a + .b = 1 }", "{ !.a + .b = 1 }"],
  ["{ -.a ^ .b ^ .c = 1 }", "{ -.a ^ .b ^ .c = 1 }"],
  ["{ (.a ^ .b) ^ .c = 1 }", "{ (.a ^ .b) ^ .c = 1 }"],
  ["{ 2 ^ 3 = 8 }", "{ true }"],
  ["{ 7 / 2 = 3 && 7.0 / 2 = 3.5 && -7 / 2 = -3 }", "{ true }"],
  ["{ .a / 0 > 1 / 0 }", "{ .a / 0 > 1 / 0 }"],
  ["{ duration > 1s + 500ms }", "{ duration > 1.5s }"],
  ["{ duration > 1d1h1m1s1ms1us1ns }", "{ duration > 25h1m1.001001001s }"],
  ["{ duration > 1w + 1y }", "{ duration > 8928h0m0s }"],
  ["{ .5 < .a-b }", "{ 0.5 < .a-b }"],
  ['{ span."http status"."x" = 1 }', '{ span."http status.x" = 1 }'],
  ['{ span."a\\"b\\\\\\n" = 1 }', '{ span."a\\"b\\\\\\\\n" = 1 }'],
  ['{ .a = "x\\x00\\u00e9\\xc3\\xa9\\U0001F600\\n\\101" }', "{ .a = `x\0éé😀\nA` }"],
  ['{ .a = "`" }', '{ .a = "`" }'],
  ["{ nil != .a }", "{ .a != nil }"],
  ["{ nil = 1 }", "{ false }"],
  ["{ span:duration > trace:duration }", "{ duration > traceDuration }"],
  ["{ trace:rootService = `a` && span:name = `b` }", "{ rootServiceName = `a` && name = `b` }"],
  ["{ .a = -9223372036854775807 - 1 }", "{ .a = minInt }"],
  ["{ .a = maxInt + 1 }", "{ .a = minInt }"],
  ["{ parent.resource.a = parent.span.b }", "{ parent.resource.a = parent.span.b }"],
  ["{ .a }>>{ .b }&&{ .c }", "{ .a } >> { .b } && { .c }"],
  ["{ .a } && { .b } >> { .c }", "{ .a } && { .b } >> { .c }"],
  ["{ .a } !>> { .b } &~ ({ .c } !~ { .d })", "{ .a } !>> { .b } &~ ({ .c } !~ { .d })"],
  [
    "({ .a } | count() > 1) > ({ .b })",
    "({ .a } | count() > 1) > ({ .b })",
  ],
  ["count() = 1 + 2 * 3", "count() = 7"],
  ["{} | avg(duration) >= 1s|select(.a,name)", "{ true } | avg(duration) >= 1s | select(.a, name)"],
  [
    "{}|quantile_over_time(duration,.5,.9)by(name,.x)",
    "{ true } | quantile_over_time(duration, 0.5, 0.9) by (name, .x)",
  ],
  ["{}|compare({.a})", "{ true } | compare({ .a }, 10)"],
  ["1+2*3-({}|rate())*2", "7 - ({ true } | rate()) * 2"],
  ["// a\n{ /* b */ .a } // c", "{ .a }"],
];

Deno.test("texts print in the canonical way", () => {
  for (const [text, printed] of PRINTED) {
    assert.equal(print(parse(text)), printed, text);
    assert.equal(print(parse(printed)), printed);
  }
});

Deno.test("positions are lines and columns of characters", () => {
  const root = parse("{\n  .😀 = 1 &&\n  .b }");
  assert.ok(root.query.node === "pipeline");
  const [filter] = root.query.stages;
  assert.ok(filter?.node === "filter" && filter.condition.node === "binary");
  assert.deepEqual(filter.condition.at, { line: 2, column: 10 });
  assert.deepEqual(filter.condition.right.at, { line: 3, column: 3 });
});

Deno.test("an identifier alone is an attribute or an intrinsic", () => {
  const at = { line: 1, column: 1 };
  assert.deepEqual(parseIdentifier("span.http.method"), {
    node: "attribute",
    scope: "span",
    name: "http.method",
    at,
  });
  assert.deepEqual(parseIdentifier("span:name"), { node: "intrinsic", name: "name", at });
  for (const text of ["", "foo", ".a .b", "{ .a }", "1"]) {
    assert.throws(() => parseIdentifier(text), { name: "InputError" }, text);
  }
});

Deno.test("large and deep texts are parsed or refused, in bounded time and stack", () => {
  const long = `{ ${Array.from({ length: 10_000 }, (_, i) => `.a = ${i}`).join(" || ")} }`;
  const printed = print(parseAndValidate(long));
  assert.equal(print(parse(printed)), printed);

  const tooDeep = [
    `{ ${"(".repeat(50_000)}.a${")".repeat(50_000)} }`,
    `{ ${"!".repeat(100_000)}.a }`,
    `{ ${"-".repeat(100_000)}.a }`,
    `{ ${".a ^ ".repeat(20_000)}.a }`,
    `{ ${".a + ".repeat(20_000)}.a = 1 }`,
    `{ ${".a = ".repeat(20_000)}.a }`,
    `{ ${".a && .b || ".repeat(10_000)}.c }`,
    `${"{} && ".repeat(20_000)}{}`,
    `${"(".repeat(50_000)}{}${")".repeat(50_000)}`,
    `${"(".repeat(50_000)}`,
    `${"-".repeat(50_000)}1 > count()`,
  ];
  for (const text of tooDeep) {
    assert.throws(() => parseAndValidate(text), { name: "InputError" }, text.slice(0, 20));
  }

  const huge = `{ .a = "${"x".repeat(100_000)}" && .${"b".repeat(100_000)} = ${
    "9".repeat(100_000)
  } }`;
  assert.throws(() => parse(huge), { message: /value out of range/ });
  parseAndValidate(`{ .a = 1 }${" | { .a = 1 }".repeat(10_000)}`);
});
