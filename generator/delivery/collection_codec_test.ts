import assert from "node:assert/strict";

import fc from "fast-check";

import { CorruptionError } from "../../lib/errors.ts";
import { collection, counter, T0_MS } from "../../tests/support/series.ts";
import { CollectionDecoder, CollectionEncoder } from "./collection_codec.ts";
import { SeriesIndex } from "./series_index.ts";

Deno.test("collections of a segment come out as they went in", () => {
  fc.assert(fc.property(fc.array(collection, { maxLength: 4 }), (collections) => {
    const encoder = new CollectionEncoder(new SeriesIndex());
    const decoder = new CollectionDecoder();
    for (const one of collections) assert.deepEqual(decoder.decode(encoder.encode(one)), one);
  }));
});

Deno.test("a series is written once: its next point takes a few bytes", () => {
  const encoder = new CollectionEncoder(new SeriesIndex());
  const of = (value: number) => ({
    timeMs: T0_MS,
    nextOffsets: new Map(),
    series: [counter("a_name_that_is_long", T0_MS, value)],
  });
  assert.ok(encoder.encode(of(1)).length > 30);
  assert.ok(encoder.encode(of(2)).length < 20);
});

Deno.test("a segment that lacks a collection is not understood, for numbers would mean others", () => {
  const encoder = new CollectionEncoder(new SeriesIndex());
  const of = (name: string) => ({
    timeMs: T0_MS,
    nextOffsets: new Map(),
    series: [counter(name, T0_MS, 1)],
  });
  const [first, second] = [encoder.encode(of("a")), encoder.encode(of("b"))];
  const decoder = new CollectionDecoder();
  assert.throws(() => decoder.decode(second), CorruptionError);
  assert.doesNotThrow(() => new CollectionDecoder().decode(first));
});

Deno.test("bytes that are none end in an error and never in much memory", () => {
  fc.assert(fc.property(collection, fc.nat(), fc.nat(255), (one, at, byte) => {
    const bytes = new CollectionEncoder(new SeriesIndex()).encode(one).slice();
    bytes[at % bytes.length] = byte;
    try {
      new CollectionDecoder().decode(bytes);
    } catch (error) {
      assert.ok(error instanceof CorruptionError, String(error));
    }
    const cut = bytes.subarray(0, at % bytes.length);
    assert.throws(() => new CollectionDecoder().decode(cut), CorruptionError);
  }));
});
