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
  const aHost = () =>
    new WorkerHost(systemClock, {
      log,
      announce: ({ blocks }) => {
        announced.push(...blocks.map(({ blockID }) => blockID));
        return Promise.resolve();
      },
      folded: (partition, nextOffset) => folded.set(partition, nextOffset),
    }, {
      logPath: `${dir}/log`,
      store: { backend: "local", local: { path: `${dir}/blocks` } },
      bytesPerTraceMax: 0,
      dedicated: defaultDedicated,
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
      assert.ok(JSON.stringify(await second.metrics()).includes("tempo_live_store"));
      second.drain();
      await secondRun;
    });
  } finally {
    await log[Symbol.asyncDispose]();
    await Deno.remove(dir, { recursive: true });
  }
});
