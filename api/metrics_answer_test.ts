import assert from "node:assert/strict";
import fc from "fast-check";
import type { ResultSeries } from "../query/engine/mod.ts";
import { metricsRangeAnswer } from "./metrics_answer.ts";

const COST = { inspectedTraces: 0, inspectedSpans: 7, inspectedBytes: 9 };
const STATS = { totalBlocks: 1, totalJobs: 1, completedJobs: 1, totalBlockBytes: 3 };
const answered = { answer: COST, stats: STATS };

const value = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1e21, 1e-7, Infinity, -Infinity));
const label = fc.record({ key: fc.string(), value: fc.record({ stringValue: fc.string() }) });
const sample = fc.record({ timestampMs: fc.nat(), value });
const series: fc.Arbitrary<ResultSeries> = fc.record({
  labels: fc.array(label, { maxLength: 3 }),
  samples: fc.array(sample),
  exemplars: fc.array(
    fc.record({ labels: fc.array(label, { maxLength: 2 }), timestampMs: fc.nat(), value }),
    { maxLength: 2 },
  ),
});

Deno.test("the text of a range is the JSON of its objects", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(series, { maxLength: 4 }), async (all) => {
      const forms = metricsRangeAnswer({ series: all, partialBecause: "" }, answered);
      const text = await forms.jsonText!(() => Promise.resolve());
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(forms.json())));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a long answer is written in turns", async () => {
  const samples = Array.from({ length: 4_000 }, (_, i) => ({ timestampMs: i, value: i }));
  const all = Array.from({ length: 30 }, () => ({ labels: [], samples, exemplars: [] }));
  let pauses = 0;
  const pause = () => (pauses++, Promise.resolve());
  const forms = metricsRangeAnswer({ series: all, partialBecause: "" }, answered);
  await forms.jsonText!(pause);
  assert.equal(pauses, 10, "one for each 12,000 samples");
});
