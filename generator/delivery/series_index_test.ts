import assert from "node:assert/strict";

import fc from "fast-check";

import { labels } from "../../tests/support/series.ts";
import { SeriesIndex } from "./series_index.ts";

Deno.test("the same labels have one entry, whoever made them, and others another", () => {
  fc.assert(fc.property(fc.array(labels, { maxLength: 8 }), (all) => {
    const index = new SeriesIndex();
    const byText = new Map<string, unknown>();
    for (const one of all) {
      const entry = index.of(one);
      assert.equal(index.of(structuredClone(one)), entry);
      const text = JSON.stringify(one);
      assert.equal(byText.get(text) ?? entry, entry);
      byText.set(text, entry);
    }
    assert.equal(new Set(byText.values()).size, byText.size);
    assert.equal(index.size, byText.size);
  }));
});

Deno.test("who has been silent for long is forgotten", () => {
  const index = new SeriesIndex();
  index.of([["__name__", "old"]]).newestMs = 1;
  index.of([["__name__", "new"]]).newestMs = 5;
  index.forget(5);
  assert.equal(index.size, 1);
  assert.equal(index.of([["__name__", "new"]]).newestMs, 5);
});
