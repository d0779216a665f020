// The listener of the HTTP surface. Closing lets running requests end, for a while.
import type { Runtime } from "../lib/runtime.ts";
import type { Api } from "./api.ts";

export interface Listener extends AsyncDisposable {
  readonly port: number;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
}

/** After this, running requests are cut off. */
const CLOSE_GRACE_MS = 5_000;

// deno-lint-ignore require-await -- listening may become asynchronous, callers already wait
export async function serveApi(
  runtime: Runtime,
  api: Api,
  { hostname, port }: ListenOptions,
): Promise<Listener> {
  const cutOff = new AbortController();
  const server = Deno.serve(
    { hostname, port, signal: cutOff.signal, onListen: () => {} },
    (request) => api.fetch(request),
  );
  runtime.log.info("api listening", { hostname, port: server.addr.port });
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      const timer = runtime.clock.setTimeout(() => cutOff.abort(), CLOSE_GRACE_MS);
      await server.shutdown();
      runtime.clock.clearTimeout(timer);
    },
  };
}
