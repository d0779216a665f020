// The worker of a partition host: opens the log and the store itself, for what is big must not cross
// threads; what crosses are queries, small answers, commits and announcements of blocks.
// If a partition gives up the worker ends, and whoever started it decides.
import { systemClock } from "../../lib/clock.ts";
import { configureLogSinks } from "../../lib/log_sinks.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { type Port, RpcPeer, Transferred } from "../../lib/port_rpc.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { openStore } from "../../storage/mod.ts";
import { EmbeddedLogReader, type LogOwner } from "../../wal/mod.ts";
import type { DurableMessage, FindCall, HostStart, QueryCall } from "./host_messages.ts";
import { PartitionHost } from "./partition_host.ts";
import { OsDirectory } from "../../lib/fs.ts";

const port = self as unknown as Port;
let host: PartitionHost | undefined;
let reader: EmbeddedLogReader | undefined;
const runtime = createRuntime({ clock: systemClock });

const owner: LogOwner = {
  commit: (group, partition, offset) => rpc.call("commit", { group, partition, offset }),
  committedOffset: (group, partition) => rpc.call("committedOffset", { group, partition }),
  reportDamage: (damage) => void rpc.call("reportDamage", damage),
};

const rpc = new RpcPeer(port, {
  start: async (start: HostStart) => {
    await configureLogSinks({ level: start.logLevel, format: start.logFormat });
    const directory = await OsDirectory.open(start.logPath);
    reader = new EmbeddedLogReader(runtime, directory, owner, start.durable);
    host = new PartitionHost(runtime, {
      log: reader,
      store: await openStore(start.store, runtime),
      limits: {
        bytesPerTraceMax: () => start.bytesPerTraceMax,
        dedicatedOf: () => start.dedicated,
      },
      announce: (built) => rpc.call("announce", built),
      pause: nextTurn,
      folded: (partition, nextOffset) => port.postMessage({ folded: { partition, nextOffset } }),
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

port.addEventListener("message", ({ data }: MessageEvent<Partial<DurableMessage>>) => {
  if (data.durable !== undefined) reader?.update(data.durable);
});
