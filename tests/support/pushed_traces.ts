// Golden traces on the way that spans take: pushed one by one, read from the log, folded into columns. It
// shows what receivers do: long attributes are cut, at bytes, and parent ids of zeros are none.
import assert from "node:assert/strict";
import { ColumnsPool } from "../../actors/live_store/columns_pool.ts";
import { PartitionState } from "../../actors/live_store/fold.ts";
import { createDistributor } from "../../distributor/mod.ts";
import { SimulatedClock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { defaultLimits, SINGLE_TENANT } from "../../model/limits.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../../ring/mod.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { allGoldenTraces } from "./golden_traces.ts";

/** Were not sent to the recorded instance before it had written its block, but afterwards, as its second. */
export const SENT_LATER: readonly string[] = [
  "end-before-start",
  "end-before-start-root",
  "zero-end",
  "events-before-start",
];

export interface PushedTraces {
  readonly columns: SpanColumns;
  /** Names of those that were not taken. */
  readonly refused: readonly string[];
}

export async function pushedTraces(isWanted: (name: string) => boolean): Promise<PushedTraces> {
  const runtime = createRuntime({ clock: new SimulatedClock(1_767_268_800_000) });
  const log = new MemoryLog(runtime, { partitions: 1 });
  const ring = embeddedRing(1, new SpreadTokens());
  const distributor = createDistributor(runtime, {
    log,
    partitions: new RingRouter(() => ring),
    limits: () => defaultLimits,
  });
  const { signal } = new AbortController();
  const refused: string[] = [];
  for (const { name, message } of allGoldenTraces()) {
    if (!isWanted(name)) continue;
    const push = {
      tenant: SINGLE_TENANT,
      bytes: message.slice(),
      receiver: "otlp/otlp_receiver",
      transport: "http" as const,
    };
    await distributor.push(push, signal).catch((error) => {
      if (!(error instanceof InputError)) throw error;
      refused.push(name);
    });
  }
  const state = new PartitionState(
    0,
    new ColumnsPool(1, 1 << 30),
    { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
    { applied: () => {}, dropped: () => assert.fail(), discarded: () => assert.fail() },
  );
  const options = { bytesMax: Infinity, waitMs: 0, signal };
  for (const record of (await log.read(0, 0, options)).records) state.apply(record);
  return { columns: state.segments(SINGLE_TENANT)[0]!.columns, refused };
}
