import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../lib/errors.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { parseAndValidate, type Pipeline } from "../traceql/mod.ts";
import {
  type NaiveAttributes,
  naiveRows,
  type NaiveSpan,
  type NaiveValue,
} from "./naive_test_support.ts";
import { rowsLeft } from "./pipeline.ts";
import { planPipeline } from "./plan.ts";
import { ShownReferences } from "./shown.ts";

const signal = new AbortController().signal;

Deno.test("filters leave the spans that the rules, tried one by one, leave", async () => {
  let met = 0;
  let sometimes = 0;
  await fc.assert(
    fc.asyncProperty(
      worlds,
      fc.array(conditions(3), { minLength: 4, maxLength: 4 }),
      async (world, list) => {
        const { view, spans } = load(world);
        for (const condition of list) {
          const rows = await compare(view, spans, `{ ${condition} }`);
          if (rows === undefined) continue;
          met++;
          if (rows > 0 && rows < spans.length) sometimes++;
        }
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(sometimes > met / 10, `${sometimes} of ${met} queries tell spans apart`);
});

Deno.test("operations on spansets leave the spans that every pair, tried, leaves", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, spansetQueries, async (world, text) => {
      const { view, spans } = load(world);
      await compare(view, spans, text);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("truth compared with truth a hundred times over is no more work than a hundred filters", async () => {
  const { view } = load([]);
  let text = ".a = 1";
  for (let i = 0; i < 100; i++) text = `(${text}) = (.b = ${i})`;
  await compare(view, [], `{ ${text} }`);
});

/** Number of spans left; undefined for a query that makes no sense. */
async function compare(
  view: LiveView,
  spans: readonly NaiveSpan[],
  text: string,
): Promise<number | undefined> {
  let root;
  try {
    root = parseAndValidate(text);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
  const rows = await rowsLeft(view, planPipeline(root, new ShownReferences()), signal);
  assert.deepEqual([...rows], naiveRows(spans, (root.query as Pipeline).stages), text);
  return rows.length;
}

// ---- Worlds: few traces, few keys, few values ----

type Any = Record<string, unknown>;

const scalar = fc.oneof(
  fc.constantFrom("x", "y", "", "xy\n").map((stringValue) => ({ stringValue })),
  fc.constantFrom("1", "2", "-1", "200").map((intValue) => ({ intValue })),
  fc.constantFrom(1, 2, 1.5).map((doubleValue) => ({ doubleValue })),
  fc.boolean().map((boolValue) => ({ boolValue })),
);
const list = fc.constantFrom<Any[]>(
  [],
  [{ stringValue: "x" }],
  [{ stringValue: "x" }, { stringValue: "y" }],
  [{ intValue: "1" }, { intValue: "2" }],
  [{ doubleValue: 1.5 }, { doubleValue: 2 }],
  [{ boolValue: true }, { boolValue: false }],
  [{ stringValue: "x" }, { intValue: "1" }],
);
const value = fc.oneof(
  { weight: 8, arbitrary: scalar as fc.Arbitrary<Any> },
  { weight: 2, arbitrary: list.map((values) => ({ arrayValue: { values } })) },
  { weight: 1, arbitrary: fc.constantFrom<Any>({ bytesValue: new Uint8Array(1) }, {}) },
);
const attributes = (...keys: string[]) =>
  fc.dictionary(fc.constantFrom(...keys), value, { noNullPrototype: true });
const texts = fc.constantFrom("x", "y", "");

const span = fc.record({
  trace: fc.nat({ max: 2 }),
  parent: fc.nat({ max: 6 }),
  name: texts,
  kind: fc.nat({ max: 5 }),
  status: fc.nat({ max: 2 }),
  message: texts,
  start: fc.nat({ max: 5 }),
  duration: fc.nat({ max: 5 }),
  attributes: attributes("a", "b", "http.method", "http.status_code"),
  events: fc.array(
    fc.record({ name: texts, at: fc.nat({ max: 9 }), attributes: attributes("e") }),
    {
      maxLength: 3,
    },
  ),
  links: fc.array(fc.record({ span: fc.nat({ max: 3 }), attributes: attributes("l") }), {
    maxLength: 2,
  }),
});
const worlds = fc.array(
  fc.record({
    service: fc.option(texts),
    resource: attributes("a", "r", "k8s.pod.name"),
    scope: fc.record({ name: texts, version: texts, attributes: attributes("i") }),
    spans: fc.array(span, { maxLength: 4 }),
  }),
  { maxLength: 4 },
);
type World = typeof worlds extends fc.Arbitrary<infer W> ? W : never;

const bytes = (length: number, n: number) => new Uint8Array(length).fill(n);
const pairs = (of: Record<string, Any>) =>
  Object.entries(of).map(([key, value]) => ({ key, value }));

/** Ids are the positions of spans within their trace, so that they are unique there. */
function load(world: World): { view: LiveView; spans: NaiveSpan[] } {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  const ids = [0, 0, 0];
  const spans: NaiveSpan[] = [];
  const extents = [0, 1, 2].map(() => ({ start: Infinity, end: -Infinity, root: ["", ""] }));
  for (const { service, resource, scope, spans: list } of world) {
    const told = list.map((span) => ({ ...span, id: ++ids[span.trace]! }));
    decoder.decode(encodeOtlp({
      resourceSpans: [{
        resource: {
          attributes: [
            ...(service === null ? [] : [{ key: "service.name", value: { stringValue: service } }]),
            ...pairs(resource),
          ],
        },
        scopeSpans: [{
          scope: { ...scope, attributes: pairs(scope.attributes) },
          spans: told.map((span) => ({
            traceId: bytes(16, span.trace + 1),
            spanId: bytes(8, span.id),
            parentSpanId: span.parent === 0 ? new Uint8Array(0) : bytes(8, span.parent),
            name: span.name,
            kind: span.kind,
            status: { code: span.status, message: span.message },
            startTimeUnixNano: String(1e9 + span.start),
            endTimeUnixNano: String(1e9 + span.start + span.duration),
            attributes: pairs(span.attributes),
            events: span.events.map(({ name, at, attributes }) => ({
              name,
              timeUnixNano: String(1e9 + at),
              attributes: pairs(attributes),
            })),
            links: span.links.map(({ span, attributes }) => ({
              traceId: bytes(16, span),
              spanId: bytes(8, span),
              attributes: pairs(attributes),
            })),
          })),
        }],
      }],
    }));
    for (const span of told) {
      const extent = extents[span.trace]!;
      extent.start = Math.min(extent.start, span.start);
      extent.end = Math.max(extent.end, span.start + span.duration);
      if (span.parent === 0) extent.root = [service ?? "", span.name];
      spans.push({
        trace: span.trace,
        id: String(span.id),
        parentId: span.parent === 0 ? "" : String(span.parent),
        attributes: naive(withoutEmpty("span", span.attributes)),
        resource: new Map<string, readonly NaiveValue[] | undefined>([
          ...naive(withoutEmpty("resource", resource)),
          ["service.name", [{ t: "string", v: service ?? "" }]],
        ]),
        scope: naive(scope.attributes),
        events: span.events.map(({ attributes }) => naive(attributes)),
        links: span.links.map(({ attributes }) => naive(attributes)),
        intrinsics: {
          name: string(span.name),
          kind: [{
            t: "kind",
            v: ["unspecified", "internal", "server", "client", "producer", "consumer"][span.kind]!,
          }],
          status: [{ t: "status", v: ["unset", "ok", "error"][span.status]! }],
          statusMessage: string(span.message),
          duration: nano(span.duration),
          "trace:id": string(bytes(16, span.trace + 1).toHex()),
          "span:id": string(bytes(8, span.id).toHex()),
          "span:parentID": string(span.parent === 0 ? "" : bytes(8, span.parent).toHex()),
          "instrumentation:name": string(scope.name),
          "instrumentation:version": string(scope.version),
          "event:name": span.events.flatMap(({ name }) => string(name)),
          "event:timeSinceStart": span.events.flatMap(({ at }) => nano(at - span.start)),
          "link:spanID": span.links.flatMap(({ span }) => string(bytes(8, span).toHex())),
          "link:traceID": span.links.flatMap(({ span }) => string(bytes(16, span).toHex())),
        },
      });
    }
  }
  for (const span of spans) {
    const { start, end, root } = extents[span.trace]!;
    const trace = spans.filter((other) => other.trace === span.trace);
    const children = trace.filter(({ parentId }) => parentId === span.id);
    const hasRoot = trace.some(({ parentId }) => parentId === "");
    Object.assign(span.intrinsics, {
      traceDuration: nano(end - start),
      rootServiceName: string(root[0]!),
      rootName: string(root[1]!),
      // Where no span is a root, nothing is numbered nor counted.
      "span:childCount": [{ t: "number", kind: "int", v: hasRoot ? children.length : 0 }],
    });
  }
  return { view: LiveView.of(columns), spans };
}

const OWN = new Set(defaultDedicated.columns.map(({ s = "span", n }) => `${s} ${n}`));

/** A key with a column of its own is not there at all with an empty array: a block cannot tell. */
function withoutEmpty(
  scope: "span" | "resource",
  attributes: Record<string, Any>,
): Record<string, Any> {
  const isTold = ([key, { arrayValue }]: [string, Any]) =>
    !OWN.has(`${scope} ${key}`) ||
    (arrayValue as { values: Any[] } | undefined)?.values.length !== 0;
  return Object.fromEntries(Object.entries(attributes).filter(isTold));
}

const string = (v: string): NaiveValue[] => [{ t: "string", v }];
const nano = (v: number): NaiveValue[] => [{ t: "number", kind: "duration", v }];

function naive(attributes: Record<string, Any>): NaiveAttributes {
  return new Map(
    Object.entries(attributes).map(([key, value]) => {
      const array = value.arrayValue as { values: Any[] } | undefined;
      const values = (array?.values ?? [value]).map(one);
      const isMixed = new Set(values.map((v) => v?.t === "number" ? v.kind : v?.t)).size > 1;
      const isOdd = isMixed || values.some((v) => v === undefined);
      return [key, isOdd ? undefined : values as NaiveValue[]];
    }),
  );
}

function one({ stringValue, intValue, doubleValue, boolValue }: Any): NaiveValue | undefined {
  if (stringValue !== undefined) return { t: "string", v: stringValue as string };
  if (intValue !== undefined) return { t: "number", kind: "int", v: Number(intValue) };
  if (doubleValue !== undefined) return { t: "number", kind: "float", v: doubleValue as number };
  return boolValue === undefined ? undefined : { t: "bool", v: boolValue as boolean };
}

// ---- Queries ----

const literal = fc.constantFrom(
  '"x"',
  '"y"',
  '""',
  "1",
  "2",
  "200",
  "-1",
  "1.5",
  "2.0",
  "2ns",
  "true",
  "false",
);
const attribute = fc.constantFrom(
  ".a",
  ".b",
  ".service.name",
  "span.a",
  "span.b",
  "span.http.method",
  "span.http.status_code",
  "resource.a",
  "resource.r",
  "resource.k8s.pod.name",
  "resource.service.name",
  "instrumentation.i",
  "event.e",
  "link.l",
);
const textual = fc.constantFrom(
  "name",
  "statusMessage",
  "rootName",
  "rootServiceName",
  "instrumentation:name",
  "instrumentation:version",
  "event:name",
);
const numeric = fc.constantFrom(
  "duration",
  "traceDuration",
  "event:timeSinceStart",
  "span:childCount",
);
const ids = fc.constantFrom("span:id", "span:parentID", "link:spanID");
const hex = fc.constantFrom(
  '""',
  '"0101010101010101"',
  '"0202020202020202"',
  '"0000000000000000"',
  '"1"',
);
const order = fc.constantFrom("=", "!=", "<", "<=", ">", ">=");
const equality = fc.constantFrom("=", "!=");
const regex = fc.constantFrom(
  '"x"',
  '"x|y"',
  '".*"',
  '"x.*"',
  '".*y"',
  '"[xy]"',
  '""',
  '"x(y\\n)?"',
);
const number = fc.constantFrom("0", "1", "2", "1.5", "3ns");
const joined = (...parts: (fc.Arbitrary<string> | string)[]) =>
  fc.tuple(...parts.map((part) => typeof part === "string" ? fc.constant(part) : part))
    .map((list) => list.join(" "));

const arithmetic = fc.oneof(
  joined(attribute, fc.constantFrom("+", "-", "*", "/", "%"), fc.oneof(attribute, number)),
  joined("duration", fc.constantFrom("+", "-", "*", "/", "%"), number),
  joined("-", attribute),
);
const leaf = fc.oneof(
  { weight: 6, arbitrary: joined(attribute, order, literal) },
  { weight: 2, arbitrary: joined(literal, order, attribute) },
  { weight: 3, arbitrary: joined(attribute, fc.constantFrom("=~", "!~"), regex) },
  { weight: 2, arbitrary: joined(attribute, equality, "nil") },
  { weight: 1, arbitrary: attribute },
  { weight: 1, arbitrary: joined("!", attribute) },
  { weight: 3, arbitrary: joined(textual, order, fc.constantFrom('"x"', '"y"', '""')) },
  { weight: 2, arbitrary: joined(textual, fc.constantFrom("=~", "!~"), regex) },
  { weight: 3, arbitrary: joined(numeric, order, number) },
  { weight: 2, arbitrary: joined(ids, equality, hex) },
  {
    weight: 1,
    arbitrary: joined(ids, fc.constantFrom("=~", "!~"), fc.constantFrom('"01.*"', '""')),
  },
  {
    weight: 1,
    arbitrary: joined(
      "trace:id",
      equality,
      fc.constantFrom(`"${"01".repeat(16)}"`, `"1${"01".repeat(15)}"`),
    ),
  },
  { weight: 1, arbitrary: joined("status", equality, fc.constantFrom("error", "ok", "unset")) },
  {
    weight: 1,
    arbitrary: joined("kind", equality, fc.constantFrom("server", "client", "internal")),
  },
  { weight: 2, arbitrary: joined(attribute, order, fc.oneof(attribute, numeric)) },
  { weight: 2, arbitrary: joined(arithmetic, order, fc.oneof(number, attribute)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("true", "false", "1 + 1 = 2", '"x" =~ "y"', "1 / 0 = 1"),
  },
);

function conditions(depth: number): fc.Arbitrary<string> {
  if (depth === 0) return leaf;
  const inner = conditions(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    { weight: 2, arbitrary: fc.tuple(inner, inner).map(([a, b]) => `(${a}) && (${b})`) },
    { weight: 2, arbitrary: fc.tuple(inner, inner).map(([a, b]) => `(${a}) || (${b})`) },
    { weight: 1, arbitrary: inner.map((a) => `!(${a})`) },
    { weight: 1, arbitrary: inner.map((a) => `(${a}) = true`) },
    { weight: 1, arbitrary: fc.tuple(inner, inner).map(([a, b]) => `(${a}) = (${b})`) },
    { weight: 1, arbitrary: fc.tuple(inner, attribute).map(([a, b]) => `(${a}) != ${b}`) },
  );
}

const filter = conditions(1).map((condition) => `{ ${condition} }`);
const structural = fc.constantFrom(
  ...["&&", "||", ">", "<", ">>", "<<", "~"],
  ...["!>", "!<", "!>>", "!<<", "!~", "&>", "&<", "&>>", "&<<", "&~"],
);
const operation = joined(
  fc.oneof(fc.constant("{}"), filter),
  structural,
  fc.oneof(fc.constant("{}"), filter),
);
const spansetQueries = fc.oneof(
  operation,
  fc.tuple(operation, structural, filter).map(([a, op, b]) => `(${a}) ${op} ${b}`),
  fc.tuple(filter, operation).map(([a, b]) => `${a} | ${b}`),
);
