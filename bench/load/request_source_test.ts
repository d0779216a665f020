import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { decodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import {
  createWaves,
  requestIdOf,
  RequestSource,
  type SentTrace,
  traceIdOf,
} from "./request_source.ts";

const NOW_MS = 1_780_000_000_000;
const hex = (bytes: Uint8Array) => Uint8Array.from(bytes).toHex();

/** The spans of some requests, and the traces that are whole after them. */
function take(spansPerRequest: number, requestsPerWave: number, requests: number, waves = 2) {
  const random = seededRandom(7);
  const options = { spansPerRequest, requestsPerWave, waves, roomBytes: 10 };
  const clock = new SimulatedClock(NOW_MS);
  const source = new RequestSource(clock, random, createWaves(random, options));
  const spans: Plain[] = [];
  const finished: SentTrace[] = [];
  const inRequest: number[] = [];
  for (let i = 0; i < requests; i++) {
    const { template, finishedTraces, isWaveEnd } = source.next();
    // A copy: the decoder keeps views, and the next request is patched over this one.
    const decoded = decodeOtlp(template.bytes.slice(template.roomBytes));
    let count = 0;
    for (const { resource, scopeSpans } of decoded.resourceSpans) {
      for (const span of scopeSpans[0].spans) {
        spans.push({ ...span, resource, request: i });
        count++;
      }
    }
    assert.equal(count, template.spanCount);
    inRequest.push(count);
    if (isWaveEnd) finished.push(...finishedTraces());
  }
  return { spans, finished, inRequest };
}

Deno.test("requests have the size asked for and traces 10 to 50 spans", () => {
  const { inRequest, finished } = take(300, 3, 6);
  assert.deepEqual(inRequest, [300, 300, 300, 300, 300, 300]);
  for (const { spanCount } of finished) {
    assert.ok(spanCount >= 10 && spanCount < 61, `${spanCount}`);
  }
});

Deno.test("what is finished is what was sent: ids and counts of spans", () => {
  const { spans, finished } = take(60, 3, 12);
  const sent = Map.groupBy(spans, (span) => hex(span.traceId));
  assert.deepEqual(
    new Map(finished.map((trace) => [traceIdOf(trace), trace.spanCount])),
    new Map([...sent].map(([id, ofTrace]) => [id, ofTrace.length])),
  );
});

Deno.test("a trace is one tree with span ids that differ", () => {
  const { spans } = take(300, 3, 6);
  for (const ofTrace of Map.groupBy(spans, (span) => hex(span.traceId)).values()) {
    const ids = new Set(ofTrace.map((span) => hex(span.spanId)));
    assert.equal(ids.size, ofTrace.length);
    const roots = ofTrace.filter((span) => span.parentSpanId.length === 0);
    assert.equal(roots.length, 1);
    for (const span of ofTrace) {
      if (span !== roots[0]) assert.ok(ids.has(hex(span.parentSpanId)));
    }
  }
});

Deno.test("the same template sent again has other ids, and times that are of now", () => {
  const { spans } = take(60, 1, 4, 1);
  const ids = new Set(spans.map((span) => hex(span.traceId) + hex(span.spanId)));
  assert.equal(ids.size, 240);
  for (const span of spans) {
    const startMs = Number(BigInt(span.startTimeUnixNano) / 1_000_000n);
    assert.ok(startMs <= NOW_MS && startMs > NOW_MS - 60_000, span.startTimeUnixNano);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.ok(BigInt(span.endTimeUnixNano) <= BigInt(NOW_MS) * 1_000_000n + 1_000_000n);
  }
});

Deno.test("a wave of one request keeps each trace in it, longer ones split some", () => {
  const requestsOf = (spans: Plain[]) =>
    [...Map.groupBy(spans, (span) => hex(span.traceId)).values()]
      .map((ofTrace) => new Set(ofTrace.map((span) => span.request)).size);
  assert.ok(requestsOf(take(60, 1, 4).spans).every((count) => count === 1));
  const split = requestsOf(take(300, 3, 6).spans);
  assert.ok(split.some((count) => count > 1) && split.every((count) => count <= 3), split.join());
});

Deno.test("the load looks like a fleet: attributes, services, errors, events, links", () => {
  const { spans, finished } = take(300, 3, 30, 10);
  const mean = (of: (span: Plain) => number) =>
    spans.reduce((sum, s) => sum + of(s), 0) / spans.length;
  const attributes = mean((span) => span.attributes.length);
  assert.ok(attributes > 11 && attributes < 18, `${attributes} attributes a span`);
  const services = new Set(spans.map((span) => span.resource.attributes[0].value.stringValue));
  assert.equal(services.size, 30);
  const failed = mean((span) => Number(span.status?.code === 2));
  assert.ok(failed > 0.01 && failed < 0.06, `${failed} of the spans failed`);
  assert.ok(mean((span) => span.events.length) > 0.05);
  assert.ok(mean((span) => span.links.length) > 0.02);
  const requestIds = new Set(finished.map(requestIdOf));
  const seen = spans.flatMap((span) => span.attributes)
    .filter((attribute: Plain) => attribute.key === "request.id");
  assert.ok(seen.length > 500);
  assert.deepEqual(new Set(seen.map(({ value }: Plain) => value.stringValue)), requestIds);
});
