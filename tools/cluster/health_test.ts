import assert from "node:assert/strict";

import { healthLine, healthOf, samples } from "./health.ts";

const DISTRIBUTOR = `# HELP tempo_distributor_spans_received_total Spans.
tempo_distributor_spans_received_total{tenant="a"} 1000
tempo_distributor_spans_received_total{tenant="b"} 500
tempo_distributor_spans_received_total_other 7
`;
const LIVE_STORE = `tempo_ingest_group_partition_lag_seconds{group="g",partition="0"} 0.25
tempo_ingest_group_partition_lag_seconds{group="g",partition="1"} 3.5
tempodb_blocklist_length{tenant="a"} 2
`;

Deno.test("spans add up, the worst lag counts, and blocks are those of whoever knows most", () => {
  const health = healthOf([
    { name: "distributor", isReady: true, metrics: DISTRIBUTOR },
    { name: "live-store", isReady: false, metrics: LIVE_STORE },
    {
      name: "querier",
      isReady: true,
      metrics: 'tempodb_blocklist_length{tenant="a"} 4\ntempodb_blocklist_length{tenant="b"} 1\n',
    },
    { name: "gone", isReady: false, metrics: "" },
  ]);
  assert.deepEqual(health, {
    ready: 2,
    members: 4,
    notReady: ["live-store", "gone"],
    spans: 1500,
    lagSeconds: 3.5,
    blocks: 5,
  });
  const before = { health: { ...health, spans: 500 }, seconds: 0.5 };
  assert.equal(
    healthLine("10:21:07", health, before),
    "10:21:07  2 of 4 ready (not live-store, gone)  2,000 spans/s  lag 3.5 s  5 blocks",
  );
  const restarted = { health: { ...health, spans: 9_000 }, seconds: 1 };
  assert.match(healthLine("10:21:07", health, restarted), / 0 spans\/s /);
});

Deno.test("a name that only begins alike is another series", () => {
  assert.deepEqual(samples(DISTRIBUTOR, "tempo_distributor_spans_received_total"), [1000, 500]);
  assert.deepEqual(samples("up 1\n", "up"), [1]);
  assert.deepEqual(samples('up{a="} x"} NaN\n', "up"), []);
});
