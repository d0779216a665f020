// The end of a server of Deno.serve, which waits for its clients without a bound: one that holds on to an
// idle connection would keep the process. (To abort a server that is shutting down throws, in Deno 2.9.)
import type { Clock } from "./clock.ts";

/** Takes no new requests and lets those that run end; who is left after the time goes with the process. */
export async function closeHttp(
  server: Deno.HttpServer,
  clock: Clock,
  withinMs: number,
): Promise<void> {
  const { promise: isEnough, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, withinMs);
  await Promise.race([server.shutdown(), isEnough]);
  clock.clearTimeout(timer);
  server.unref();
}
