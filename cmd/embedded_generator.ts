// The metrics-generator of a process on the embedded log: it reads all of it, for as long as any tenant wants metrics.
import { GENERATOR_GROUP, WholeLog } from "../generator/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { EmbeddedLog } from "../wal/mod.ts";
import type { Config } from "./config/mod.ts";
import { openGenerator, type RunningGenerator, wantsMetrics } from "./generator.ts";
import type { Overrides } from "./overrides/overrides.ts";

/** Undefined where there is no place to keep what is collected. */
export function openEmbeddedGenerator(
  runtime: Runtime,
  config: Config,
  { log, overrides, instance, readFile }: {
    readonly log: EmbeddedLog;
    readonly overrides: Overrides;
    readonly instance: string;
    readonly readFile: (path: string) => string;
  },
  stack: AsyncDisposableStack,
): RunningGenerator | undefined {
  const isWanted = () => wantsMetrics(overrides);
  if (config.metrics_generator.storage.path === "") {
    if (isWanted()) {
      runtime.log.warn("tenants want metrics, and metrics_generator.storage.path is empty");
    }
    return undefined;
  }
  const reader = stack.use(log.openReader());
  // Who was counting when the process ended goes on there; who begins to want metrics begins with what comes.
  const goesOn = new Set(isWanted() ? log.partitions : []);
  return stack.use(openGenerator(runtime, config, {
    instance,
    overrides,
    readFile,
    source: {
      log: reader,
      share: new WholeLog(runtime, log, GENERATOR_GROUP, isWanted),
      endOf: (partition) => log.endOffset(partition),
      startOf: async (partition) => {
        const committed = goesOn.delete(partition)
          ? await log.committedOffset(GENERATOR_GROUP, partition)
          : undefined;
        return committed ?? await log.endOffset(partition);
      },
    },
  }));
}
