// The metrics-generator of a process on the embedded log: it reads all of it, for as long as any tenant wants metrics, in a
// thread of its own where partitions have theirs.
import { GENERATOR_GROUP, type GeneratorSource, WholeLog } from "../generator/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { EmbeddedLog, LogReader } from "../wal/mod.ts";
import { type Config, workerCount } from "./config/mod.ts";
import { openGenerator, type RunningGenerator } from "./generator.ts";
import { GeneratorThread } from "./generator_thread.ts";
import type { Overrides } from "./overrides/overrides.ts";
import { wantsMetrics } from "./overrides/wants_metrics.ts";

export interface EmbeddedGround {
  readonly log: EmbeddedLog;
  readonly overrides: Overrides;
  readonly instance: string;
  readonly readFile: (path: string) => string;
}

export async function openEmbeddedGenerator(
  runtime: Runtime,
  config: Config,
  cores: number,
  { log, overrides, instance, readFile }: EmbeddedGround,
  stack: AsyncDisposableStack,
): Promise<RunningGenerator> {
  const kept = await keptBeginnings(log, overrides);
  if (workerCount(config, cores) > 0) {
    return stack.use(new GeneratorThread(runtime, config, log, overrides, instance, kept));
  }
  const reader = stack.use(log.openReader());
  return stack.use(openGenerator(runtime, config, {
    instance,
    overrides,
    readFile,
    source: {
      log: reader,
      share: new WholeLog(runtime, reader, GENERATOR_GROUP, () => wantsMetrics(overrides)),
      endOf: (partition) => reader.endOffset(partition),
      startOf: embeddedStart(reader, kept),
    },
  }));
}

/**
 * Of a process that has just opened its log: the partitions whose records are counted from where it was committed. Where
 * nothing was, that is kept before anything comes: who is killed in a moment is to count what came until then.
 */
async function keptBeginnings(log: EmbeddedLog, overrides: Overrides): Promise<readonly number[]> {
  if (!wantsMetrics(overrides)) return [];
  for (const partition of log.partitions) {
    if (await log.committedOffset(GENERATOR_GROUP, partition) !== undefined) continue;
    await log.commit(GENERATOR_GROUP, partition, await log.endOffset(partition));
  }
  return log.partitions;
}

/** `kept`: partitions that go on where it was committed; who begins to want metrics later begins with what comes then. */
export function embeddedStart(log: LogReader, kept: readonly number[]): GeneratorSource["startOf"] {
  const left = new Set(kept);
  return async (partition) => {
    const committed = left.delete(partition)
      ? await log.committedOffset(GENERATOR_GROUP, partition)
      : undefined;
    return committed ?? await log.endOffset(partition);
  };
}
