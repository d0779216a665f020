// The end of a process that takes or folds spans: new spans are refused, what is in memory is built and committed,
// then everything closes. What takes longer than the grace is cut short, and replayed by the next start.
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { Config } from "./config/mod.ts";
import type { WritePath } from "./write_path.ts";

export interface Winding {
  readonly writePath: WritePath | undefined;
  readonly stack: AsyncDisposableStack;
  /** Settles when what `drain` asks for is done. */
  readonly drained: Promise<void>;
  drain(): void;
}

export async function windDown(
  { clock, log }: Runtime,
  config: Config,
  { writePath, stack, drained, drain }: Winding,
): Promise<void> {
  const enough = new AbortController();
  await sleep(clock, config.shutdown_delay, enough.signal);
  await writePath?.[Symbol.asyncDispose]();
  drain();
  const timeoutMs = config.server.graceful_shutdown_timeout;
  await Promise.race([drained.catch(() => {}), sleep(clock, timeoutMs, enough.signal)]);
  enough.abort();
  await stack.disposeAsync();
  log.info("stopped");
}
