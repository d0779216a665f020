// Structural operators on one trace of a hundred thousand spans: as fast as reading them, whatever the
// tree looks like. What they answer is compared with every pair, tried, in filter_test.ts.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { encodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import { query } from "./mod.ts";

const OPS = "> < >> << ~ !>> &<<".split(" ");
const SPANS = 100_000;
const signal = new AbortController().signal;

const idOf = (n: number) => {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(0, n + 1);
  return id;
};

/** Every other span is a server, the rest are clients. */
function traceOf(spans: number, parentOf: (n: number) => number): LiveView {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  const all: Plain[] = Array.from({ length: spans }, (_, n) => ({
    traceId: new Uint8Array(16).fill(7),
    spanId: idOf(n),
    parentSpanId: n === 0 ? new Uint8Array(0) : idOf(parentOf(n)),
    kind: 2 + n % 2,
    startTimeUnixNano: "1000000000",
    endTimeUnixNano: "1000000001",
  }));
  decoder.decode(encodeOtlp({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans: all }] }] }));
  return LiveView.of(columns);
}

async function matched(view: LiveView, text: string): Promise<number> {
  const { traces } = await query(
    {
      kind: "search",
      tenant: "t",
      query: text,
      limit: 0,
      spansPerSpanSet: 1,
      startSeconds: 0,
      endSeconds: 0,
      mostRecent: false,
    },
    view,
    signal,
  );
  return traces[0]?.spanSets[0]?.matched ?? 0;
}

const shapes: Readonly<Record<string, (n: number) => number>> = {
  chain: (n) => n - 1,
  comb: (n) => n % 2 === 1 ? n - 1 : Math.max(0, n - 2),
};

/** So many times what a filter takes on the same machine at the same time; five billion pairs take more. */
const RATIO_MAX = 50;
/** The root is a server, so that all clients are below one. */
const CLIENTS = SPANS / 2;

for (const [shape, parentOf] of Object.entries(shapes)) {
  Deno.test(`structural operators on a ${shape} of 100,000 spans take no longer than n log n`, async () => {
    const view = traceOf(SPANS, parentOf);
    await matched(view, "{} >> {}"); // numbers of the tree are made once
    for (const op of OPS) {
      const filterMs = await timeOf(view, "{ kind = client }");
      const ms = await timeOf(view, `{ kind = server } ${op} { kind = client }`);
      assert.ok(ms < RATIO_MAX * Math.max(filterMs, 5), `${op}: ${ms} ms, a filter ${filterMs} ms`);
    }
    assert.equal(await matched(view, "{ kind = server } >> { kind = client }"), CLIENTS);
  });
}

async function timeOf(view: LiveView, text: string): Promise<number> {
  const startMs = systemClock.monotonic();
  await matched(view, text);
  return systemClock.monotonic() - startMs;
}
