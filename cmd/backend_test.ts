import assert from "node:assert/strict";
import { rulesFrom } from "./backend.ts";
import { limitsFrom, loadConfig } from "./config/mod.ts";

const HOUR_MS = 3_600_000;

function rulesOf(yaml: string) {
  const args = ["-config.file=segno.yaml"];
  const { config } = loadConfig({ args, env: {}, readFile: () => yaml });
  return rulesFrom(config, limitsFrom(config));
}

Deno.test("the scheduler's section says what is merged, the worker's how long blocks are kept", () => {
  assert.deepEqual(rulesOf(""), {
    compaction: {
      windowMs: HOUR_MS,
      blocksMin: 2,
      blocksMax: 4,
      objectsMax: 6_000_000,
      bytesMax: 100 * 2 ** 30,
      levelMax: 0,
    },
    retention: { liveMs: 336 * HOUR_MS, compactedMs: HOUR_MS },
    bytesPerTraceMax: 5_000_000,
  });
  const rules = rulesOf(`
backend_scheduler:
  provider:
    compaction: { max_input_blocks: 8, compaction: { compaction_window: 2h } }
backend_worker:
  compaction: { block_retention: 24h }
`)!;
  assert.equal(rules.compaction.blocksMax, 8);
  assert.equal(rules.compaction.windowMs, 2 * HOUR_MS);
  assert.equal(rules.retention.liveMs, 24 * HOUR_MS);
});

Deno.test("overrides come before both sections, and can switch everything off", () => {
  const rules = rulesOf("overrides: { defaults: { compaction: { block_retention: 2h } } }");
  assert.equal(rules!.retention.liveMs, 2 * HOUR_MS);
  const off = "overrides: { defaults: { compaction: { compaction_disabled: true } } }";
  assert.equal(rulesOf(off), undefined);
});
