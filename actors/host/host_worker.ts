// The worker of a partition host: opens the log and the store itself, for what is big must not cross
// threads; what crosses are queries, small answers, commits and announcements of blocks.
// If a partition gives up the worker ends, and whoever started it decides.
import { systemClock } from "../../lib/clock.ts";
import { configureLogSinks } from "../../lib/log_sinks.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { type Port, RpcPeer, Transferred } from "../../lib/port_rpc.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { openStore } from "../../storage/mod.ts";
import {
  EmbeddedLogReader,
  KeptCommits,
  type LogReader,
  ownerBehind,
  type TimedLogReader,
} from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";
import { foldLimits, type HostLimits } from "./host_limits.ts";
import type {
  DurableMessage,
  FindCall,
  HostLog,
  HostStart,
  LimitsMessage,
  QueryCall,
} from "./host_messages.ts";
import { PartitionHost } from "./partition_host.ts";
import { OsDirectory } from "../../lib/fs.ts";

const port = self as unknown as Port;
let host: PartitionHost | undefined;
let reader: EmbeddedLogReader | undefined;
let limits: HostLimits | undefined;
const runtime = createRuntime({ clock: systemClock });

const rpc = new RpcPeer(port, {
  start: async (start: HostStart, signal: AbortSignal) => {
    await configureLogSinks({ level: start.logLevel, format: start.logFormat });
    limits = start.limits;
    host = new PartitionHost(runtime, {
      log: await openLog(start.log, start.options.group ?? BLOCK_BUILDER_GROUP, signal),
      store: await openStore(start.store, runtime),
      limits: foldLimits(() => limits!),
      announce: (built) => rpc.call("announce", built),
      pause: nextTurn,
      folded: (partition, nextOffset, completeToMs) =>
        port.postMessage({ folded: { partition, nextOffset, completeToMs } }),
    }, start.options);
  },
  run: (_: null, signal: AbortSignal) => host!.run(signal),
  query: (request: QueryCall, signal: AbortSignal) => host!.query(request, signal),
  find: ({ tenant, traceId }: FindCall) => {
    const found = host!.findTrace(tenant, traceId);
    return new Transferred(found, found.map((bytes) => bytes.buffer as ArrayBuffer));
  },
  flush: () => host!.flush(),
  drain: () => host!.drain(),
  status: () => host!.status(),
  metrics: () => {
    host?.status();
    return runtime.metrics.snapshot();
  },
});

port.addEventListener(
  "message",
  ({ data }: MessageEvent<Partial<DurableMessage & LimitsMessage>>) => {
    if (data.durable !== undefined) reader?.update(data.durable);
    if (data.limits !== undefined) limits = data.limits;
  },
);

async function openLog(
  log: HostLog,
  group: string,
  signal: AbortSignal,
): Promise<LogReader | TimedLogReader> {
  if (log.kind === "embedded") {
    reader = new EmbeddedLogReader(
      runtime,
      await OsDirectory.open(log.path),
      ownerBehind(rpc),
      log.durable,
    );
    return reader;
  }
  // Loaded where it is needed: the client is large.
  const { openTopic } = await import("../../wal/kafka/mod.ts");
  const kafka = await openTopic(runtime, log.settings, signal);
  if (log.commitsPath === undefined) return kafka;
  return await KeptCommits.open(runtime, kafka, await OsDirectory.open(log.commitsPath), group);
}
