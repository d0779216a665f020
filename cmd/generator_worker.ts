// The worker of a metrics-generator on the embedded log: it reads the log's files itself, counts, and delivers, so that
// who takes spans is not held up by it. What crosses are durable positions, tenants' limits, commits and figures.
import { GENERATOR_GROUP, WholeLog } from "../generator/mod.ts";
import { systemClock } from "../lib/clock.ts";
import { OsDirectory } from "../lib/fs.ts";
import { configureLogSinks } from "../lib/log_sinks.ts";
import { type Port, RpcPeer } from "../lib/port_rpc.ts";
import { createRuntime } from "../lib/runtime.ts";
import { EmbeddedLogReader, ownerBehind } from "../wal/mod.ts";
import { embeddedStart } from "./embedded_generator.ts";
import { openGenerator, type RunningGenerator } from "./generator.ts";
import { wantsMetrics } from "./overrides/wants_metrics.ts";
import type { GeneratorMessage, GeneratorStart } from "./generator_thread.ts";
import { Overrides } from "./overrides/overrides.ts";

const port = self as unknown as Port;
const runtime = createRuntime({ clock: systemClock });
let reader: EmbeddedLogReader | undefined;
let overrides: Overrides | undefined;
let generator: RunningGenerator | undefined;

const rpc = new RpcPeer(port, {
  start: async ({ config, logPath, durable, limits, instance, kept }: GeneratorStart) => {
    await configureLogSinks({ level: config.server.log_level, format: config.server.log_format });
    const tenants = overrides = new Overrides(config);
    tenants.replace(limits.entries);
    tenants.replaceUsers(limits.users);
    const log = reader = new EmbeddedLogReader(
      runtime,
      await OsDirectory.open(logPath),
      ownerBehind(rpc),
      durable,
    );
    generator = openGenerator(runtime, config, {
      instance,
      overrides: tenants,
      readFile: (path) => Deno.readTextFileSync(path),
      source: {
        log,
        share: new WholeLog(runtime, log, GENERATOR_GROUP, () => wantsMetrics(tenants)),
        endOf: (partition) => log.endOffset(partition),
        startOf: embeddedStart(log, kept),
      },
    });
  },
  run: () => generator!.done,
  drain: () => generator!.drain(),
  metrics: async () => {
    await generator?.metrics();
    return await runtime.metrics.snapshot();
  },
});

port.addEventListener("message", ({ data }: MessageEvent<GeneratorMessage>) => {
  if (data.durable !== undefined) reader?.update(data.durable);
  if (data.limits === undefined) return;
  overrides?.replace(data.limits.entries);
  overrides?.replaceUsers(data.limits.users);
});
