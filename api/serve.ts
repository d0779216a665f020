// The listener of the HTTP surface. Closing lets running requests end, for a while.
// With a gRPC server it shares its port: connections of HTTP/2 go there, the rest is answered here.
import type { GrpcServer } from "../lib/grpc_server.ts";
import { listenHttp } from "../lib/http_listener.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { ServerTls } from "../lib/tls_listener.ts";
import type { Api } from "./api.ts";

export interface Listener extends AsyncDisposable {
  readonly port: number;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Answers on the same port, and is closed by its owner. */
  readonly grpc?: GrpcServer;
  /** Undefined: in the clear. */
  readonly tls?: ServerTls | undefined;
}

/** After this, requests that still run are not waited for. */
const CLOSE_GRACE_MS = 5_000;

export async function serveApi(
  runtime: Runtime,
  api: Api,
  { hostname, port, grpc, tls }: ListenOptions,
): Promise<Listener> {
  const listener = await listenHttp(runtime, (request) => api.fetch(request), {
    hostname,
    port,
    tls,
    http2: grpc && ((conn) => grpc.take(conn)),
  });
  runtime.log.info(grpc === undefined ? "api listening" : "api listening, gRPC too", {
    hostname,
    port: listener.port,
    ...tls === undefined ? {} : { tls: tls.clientAuth },
  });
  return {
    port: listener.port,
    [Symbol.asyncDispose]: () => listener.close(CLOSE_GRACE_MS),
  };
}
