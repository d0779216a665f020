import assert from "node:assert/strict";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { compile, mergeAnswers, query, type QueryRequest, startRun } from "./mod.ts";
import { answerBytes, QueryMemory } from "./query_memory.ts";

const signal = new AbortController().signal;
const T0 = 1_767_268_800_000_000_000n;

function aView(): LiveView {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of realisticTraces(2_000)) decoder.decode(message);
  return LiveView.of(columns);
}

const times = { tenant: "t", startSeconds: 0, endSeconds: 0 };
const metrics = (text: string): QueryRequest => ({
  ...times,
  kind: "metrics",
  query: text,
  startNano: T0,
  endNano: T0 + 240_000_000_000n,
  stepNano: 1_000_000_000n,
  isInstant: false,
  exemplars: 0,
  maxSeries: 0,
});

/** Each makes something of its own that grows with what is asked. */
const requests: QueryRequest[] = [
  metrics("{} | rate() by (span.user.id)"),
  metrics("{} | quantile_over_time(duration, .5) by (span.user.id)"),
  metrics("{} | avg_over_time(duration) by (span.user.id)"),
  metrics("{} | compare({ status = error })"),
  {
    ...times,
    kind: "search",
    query: "{} | select(span.http.url)",
    limit: 10_000,
    spansPerSpanSet: 0,
    mostRecent: false,
  },
  { ...times, kind: "tag_values", query: "", tag: "span.request.id", limit: 0, bytesMax: 0 },
];

for (const request of requests) {
  const name = request.kind === "tag_values" ? request.tag : request.query;
  Deno.test(`a query that needs more memory than it may use is refused: ${name}`, async () => {
    const view = aView();
    const answer = await query(request, view, signal);
    const enough = answerBytes(answer) * 20;
    await query({ ...request, memoryBytesMax: enough }, view, signal);
    await assert.rejects(query({ ...request, memoryBytesMax: 20_000 }, view, signal), {
      name: "InputError",
      code: "unprocessable",
      message: /needs more than the 20000 bytes of memory/,
    });
    if (request.kind === "tag_values") return;
    // Parts that are small enough each make a whole that is not.
    const tight = { ...request, memoryBytesMax: Math.floor(answerBytes(answer) * 0.9) };
    assert.throws(() => mergeAnswers<QueryRequest>(tight, [answer, answer]), {
      code: "unprocessable",
    });
  });
}

Deno.test("values behind the last that is told are let go, and are no reason to fail", async () => {
  const request = {
    ...{ ...times, kind: "tag_values" as const, query: "", tag: "span.request.id", limit: 0 },
    bytesMax: 1_000,
  };
  const view = aView();
  const expected = await query(request, view, signal);
  const run = startRun(compile({ ...request, memoryBytesMax: 200_000 }));
  for (let i = 0; i < 3; i++) await run.add(view, signal);
  assert.deepEqual(run.answer().kind === "tag_values" && run.answer(), {
    ...expected,
    inspectedSpans: expected.inspectedSpans * 3,
  });
});

Deno.test("memory that is given back may be taken again", () => {
  const memory = new QueryMemory(10);
  memory.take(8);
  assert.throws(() => memory.take(3), { code: "unprocessable" });
  memory.give(8);
  memory.take(10);
  assert.equal(memory.bytes, 10);
});
