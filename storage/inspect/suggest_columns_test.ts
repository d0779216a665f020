import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlockAnalysis, ScopedUse } from "./analyse_block.ts";
import { columnBytes, defaultSuggestRules, isBlob, suggestColumns } from "./suggest_columns.ts";

function use(changes: Partial<ScopedUse> & { key: string }): ScopedUse {
  return {
    scope: "span",
    type: "string",
    owners: 1000,
    values: 1000,
    arrays: 0,
    distinct: 10,
    distinctBytes: 100,
    dictionaryBytesMax: 100,
    bytesInAttrs: 1000,
    bytesAsColumn: 400,
    bytesAsBlob: 5000,
    isDedicated: false,
    ...changes,
  };
}

function analysis(attributes: readonly ScopedUse[]): BlockAnalysis {
  const scopes = (["resource", "span", "event"] as const).map((scope) => (
    { scope, owners: 1000, attrsBytes: 100_000 }
  ));
  return { blocks: 1, traces: 1, sizeBytes: 1, scopes, attributes };
}

const suggested = (attributes: readonly ScopedUse[]) =>
  suggestColumns(analysis(attributes), defaultSuggestRules).map(({ column }) => column);

Deno.test("the dearest are suggested, with their type and options", () => {
  assert.deepEqual(
    suggested([
      use({ key: "cheap", bytesInAttrs: 500 }),
      use({ key: "dear", bytesInAttrs: 9000, arrays: 3 }),
      use({ key: "port", type: "int", bytesInAttrs: 800 }),
      use({ key: "host", scope: "resource" }),
    ]),
    [
      { s: "resource", n: "host", t: "string" },
      { s: "span", n: "dear", t: "string", o: ["array"] },
      { s: "span", n: "cheap", t: "string" },
      { s: "span", n: "port", t: "int" },
    ],
  );
});

Deno.test("rare, cheap and untyped attributes are not suggested, nor those a column makes dearer", () => {
  assert.deepEqual(
    suggested([
      use({ key: "most", bytesInAttrs: 100_000 }),
      use({ key: "rare", owners: 9, bytesInAttrs: 50_000 }),
      use({ key: "cheap", bytesInAttrs: 1900 }),
      use({ key: "truth", type: "bool", bytesInAttrs: 50_000 }),
      use({ key: "dearer", bytesInAttrs: 50_000, bytesAsColumn: 50_001 }),
      use({ key: "not measured", bytesInAttrs: 50_000, bytesAsColumn: 0 }),
    ]).map(({ n }) => n),
    ["most"],
  );
});

Deno.test("an attribute of two types gets the column of most of its values", () => {
  const mixed = [use({ key: "code", values: 400 }), use({ key: "code", type: "int", values: 600 })];
  assert.deepEqual(suggested(mixed), [{ s: "span", n: "code", t: "int" }]);
});

Deno.test("large dictionaries of mostly different strings are blobs", () => {
  const stack = use({
    key: "stack",
    distinct: 900,
    dictionaryBytesMax: 5 << 20,
    bytesInAttrs: 6000,
    bytesAsColumn: 9000,
  });
  assert.deepEqual(suggested([stack]), [{ s: "span", n: "stack", t: "string", o: ["blob"] }]);
  assert.equal(columnBytes(stack, defaultSuggestRules), 5000);
  assert.equal(isBlob({ ...stack, distinct: 100 }, defaultSuggestRules), false);
  assert.equal(isBlob({ ...stack, dictionaryBytesMax: 1000 }, defaultSuggestRules), false);
  assert.equal(isBlob({ ...stack, type: "int" }, defaultSuggestRules), false);
});

Deno.test("no more are suggested than a block has columns, none twice, all from what was seen", () => {
  const some = fc.record({
    key: fc.integer({ min: 0, max: 60 }).map(String),
    scope: fc.constantFrom("resource" as const, "span" as const, "event" as const),
    type: fc.constantFrom("string" as const, "int" as const, "bool" as const),
    bytesInAttrs: fc.integer({ min: 400, max: 500 }),
  });
  const rules = { ...defaultSuggestRules, minShare: 0 };
  fc.assert(fc.property(fc.array(some, { maxLength: 300 }), (drafts) => {
    const uses = drafts.map(use);
    const columns = suggestColumns(analysis(uses), rules);
    const counts = Map.groupBy(columns, ({ column: { s, t } }) => `${s} ${t}`);
    for (const [slot, own] of counts) {
      assert.ok(own.length <= (slot.endsWith("int") ? 5 : 20), slot);
    }
    const names = columns.map(({ column: { s, n } }) => `${s} ${n}`);
    assert.equal(new Set(names).size, names.length);
    for (const { use: from } of columns) assert.ok(uses.includes(from));
  }));
});
