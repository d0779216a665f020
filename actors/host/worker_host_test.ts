import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { OsDirectory } from "../../lib/fs.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { systemClock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { newRecord, traceIdOf } from "../../tests/support/records.ts";
import { defaultEmbeddedLogOptions, EmbeddedLog } from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";
import type { HostLimits, TenantHostLimits } from "./host_limits.ts";
import { WorkerHost } from "./worker_host.ts";

const TENANT = "single-tenant";
const NEVER = new AbortController().signal;

Deno.test("a host in a worker folds what the log has, answers, builds blocks, and starts again", async (t) => {
  const dir = await Deno.makeTempDir();
  const runtime = createRuntime();
  const directory = await OsDirectory.open(`${dir}/log`);
  const log = await EmbeddedLog.open(runtime, directory, {
    ...defaultEmbeddedLogOptions,
    groups: [BLOCK_BUILDER_GROUP],
  });
  const announced: string[] = [];
  const folded = new Map<number, number>();
  const anyLength = {
    rest: { bytesPerTraceMax: 0, dedicated: defaultDedicated },
    named: new Map<string, TenantHostLimits>(),
  };
  let limits: HostLimits = anyLength;
  const listeners = new Set<() => void>();
  const aHost = () =>
    new WorkerHost(systemClock, {
      log: { kind: "embedded", path: `${dir}/log`, log },
      limits: {
        current: () => limits,
        onChange: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      announce: ({ blocks }) => {
        announced.push(...blocks.map(({ blockID }) => blockID));
        return Promise.resolve();
      },
      folded: (partition, nextOffset) => folded.set(partition, nextOffset),
    }, {
      store: { backend: "local", local: { path: `${dir}/blocks` } },
      logLevel: "error",
      logFormat: "logfmt",
      options: {
        partitions: [0],
        cut: { spansMax: 1000, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
        codec: "zstd",
        spansPerRowGroup: 80_000,
        timeSlackMs: 120_000,
        readBytesMax: 1 << 20,
        readWaitMs: 100,
      },
    });
  const found = async (host: WorkerHost, trace: number) => {
    for (;;) {
      try {
        const parts = await host.findTrace(TENANT, traceIdOf(trace), NEVER);
        if (parts.length > 0) return parts;
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
      }
      await sleep(systemClock, 10, NEVER);
    }
  };
  try {
    await log.append([newRecord(0, TENANT, [{ trace: 1, spans: [1, 2] }])]);
    const stop = new AbortController();
    const [host, second] = [aHost(), aHost()];
    let secondRun: Promise<void> | undefined;
    await t.step("before it runs it is unavailable", () => {
      assert.throws(() => host.findTrace(TENANT, traceIdOf(1), NEVER), UnavailableError);
    });
    const run = host.run(stop.signal);
    await t.step("it finds what was in the log, and what comes later", async () => {
      assert.equal((await found(host, 1)).length, 1);
      await log.append([newRecord(0, TENANT, [{ trace: 2, spans: [3] }])]);
      await found(host, 2);
      assert.equal(folded.get(0), 2);
    });
    await t.step("when its thread is ended it rejects, and the next one replays", async () => {
      stop.abort(new Error("the thread is gone"));
      await assert.rejects(run, /the thread is gone/);
      secondRun = second.run(NEVER);
      await found(second, 2);
      await second.flush();
      assert.equal(announced.length, 1);
      assert.equal(await log.committedOffset(BLOCK_BUILDER_GROUP, 0), 2);
    });
    await t.step("a flush takes in what was acknowledged a moment before", async () => {
      for (let record = 3; record < 6; record++) {
        await log.append([newRecord(0, TENANT, [{ trace: record, spans: [record] }])]);
        await log.append([newRecord(0, TENANT, [{ trace: record, spans: [record + 100] }])]);
        await second.flush();
        assert.equal(await log.committedOffset(BLOCK_BUILDER_GROUP, 0), await log.endOffset(0));
      }
    });
    await t.step(
      "limits hold from the moment they change, for the tenant they are of",
      async () => {
        limits = {
          ...anyLength,
          named: new Map([[TENANT, { ...anyLength.rest, bytesPerTraceMax: 1 }]]),
        };
        listeners.forEach((listener) => listener());
        await log.append([newRecord(0, TENANT, [{ trace: 50, spans: [50] }])]);
        await log.append([newRecord(0, "other", [{ trace: 51, spans: [51] }])]);
        await second.flush();
        limits = anyLength;
        listeners.forEach((listener) => listener());
        await log.append([newRecord(0, TENANT, [{ trace: 52, spans: [52] }])]);
        await second.flush();
        const discarded = JSON.stringify(await second.metrics());
        const refused =
          '{"value":1,"labels":{"reason":"trace_too_large","tenant":"single-tenant"}}';
        assert.ok(discarded.includes(refused), discarded);
        assert.equal(announced.length, 6, "of the refused one there is no block");
      },
    );
    await t.step("it tells its metrics and ends when it is drained", async () => {
      assert.ok(JSON.stringify(await second.metrics()).includes("tempo_live_store"));
      second.drain();
      await secondRun;
    });
  } finally {
    await log[Symbol.asyncDispose]();
    await Deno.remove(dir, { recursive: true });
  }
});
