// A worker that reads the embedded log or a topic, from its start to its end: it is told how far the log is durable
// and what limits tenants have, and asks the log's owner through the same port.
// Rule: the worker is a unit of failure: when it dies every call to it is refused as unavailable and `runLogWorker`
// rejects, so that a supervisor starts another, which goes on where the log says.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { type Handler, RpcPeer } from "../../lib/port_rpc.ts";
import { type EmbeddedLog, ownerHandlers } from "../../wal/mod.ts";
import { Progress } from "./progress.ts";

export interface LogWorker {
  /** In what is told of it. */
  readonly name: string;
  create(): Worker;
  /** Undefined: it reads a topic by itself. */
  readonly log: EmbeddedLog | undefined;
  readonly limits: { current(): unknown; onChange(listener: () => void): () => void };
  /** What it is to begin with; asked when it is there. */
  start(): unknown;
  /** Beside those of the log's owner. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Of what is no call. */
  heard?(message: unknown): void;
  /** It may be asked, or no longer. */
  running(peer: RpcPeer | undefined): void;
}

/** Until it has ended by itself, which `run` of its handlers tells, or the signal aborts. */
export async function runLogWorker(
  clock: Clock,
  { name, create, log, limits, start, handlers, heard, running }: LogWorker,
  signal: AbortSignal,
): Promise<void> {
  const worker = create();
  const peer = new RpcPeer(worker, { ...log && ownerHandlers(log), ...handlers });
  worker.addEventListener("message", ({ data }) => heard?.(data));
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // the supervisor hears of it below; it must not end the process
    peer.close(new UnavailableError(`${name} worker failed: ${event.message}`));
  });
  const unfollow = limits.onChange(() => worker.postMessage({ limits: limits.current() }));
  const progress = log && new Progress(clock, log, (durable) => worker.postMessage({ durable }));
  try {
    await peer.call("start", start(), signal);
    // What it missed while it opened the log.
    worker.postMessage({ ...log && { durable: log.durable() }, limits: limits.current() });
    running(peer);
    await peer.call("run", null, signal);
  } finally {
    unfollow();
    progress?.[Symbol.dispose]();
    running(undefined);
    peer.close(new UnavailableError(`${name} has stopped`));
    worker.terminate();
  }
}
