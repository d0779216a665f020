// The listener of the HTTP surface. Closing lets running requests end, for a while.
// With a gRPC server it shares its port: connections of HTTP/2 go there, the rest to Deno.serve behind.
import { closeHttp } from "../lib/close_http.ts";
import type { GrpcServer } from "../lib/grpc_server.ts";
import { PortSplice } from "../lib/port_splice.ts";
import type { Runtime } from "../lib/runtime.ts";
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
}

/** After this, requests that still run are not waited for. */
const CLOSE_GRACE_MS = 5_000;

// deno-lint-ignore require-await -- listening may become asynchronous, callers already wait
export async function serveApi(
  runtime: Runtime,
  api: Api,
  options: ListenOptions,
): Promise<Listener> {
  const { hostname, port, grpc } = options;
  if (grpc === undefined) return serveHttp(runtime, api, hostname, port);
  const http = serveHttp(runtime, api, "127.0.0.1", 0);
  const splice = new PortSplice(runtime.clock, {
    hostname,
    port,
    http2: (conn) => grpc.take(conn),
    http1Port: http.port,
  });
  runtime.log.info("api listening, gRPC too", { hostname, port: splice.port });
  return {
    port: splice.port,
    async [Symbol.asyncDispose]() {
      await splice.stop();
      await http[Symbol.asyncDispose]();
      await splice.close();
    },
  };
}

function serveHttp(runtime: Runtime, api: Api, hostname: string, port: number): Listener {
  const server = Deno.serve(
    { hostname, port, onListen: () => {} },
    (request) => api.fetch(request),
  );
  runtime.log.info("api listening", { hostname, port: server.addr.port });
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => closeHttp(server, runtime.clock, CLOSE_GRACE_MS),
  };
}
