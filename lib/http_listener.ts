// An HTTP server: Deno.serve, and in front of it what that cannot do, TLS with clients' certificates and a second
// server on the same port.
//
//   in the clear, alone     Deno.serve
//   shared with gRPC        port ─▶ PortSplice ─▶ HTTP/2 to gRPC, all else to Deno.serve on loopback
//   TLS                     port ─▶ TLS ─▶ PortSplice ─▶ the same, but to Deno.serve on a socket of this user
//
// Rule: behind TLS nobody gets in who did not come through it: other users of the machine cannot open the socket.
import type { CertificateWorld } from "./certificates.ts";
import { closeHttp } from "./close_http.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type Behind, PortSplice } from "./port_splice.ts";
import { listenBytes, type ServerTls } from "./tls_listener.ts";

export interface HttpListenOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Undefined: in the clear. */
  readonly tls?: ServerTls | undefined;
  /** Who serves connections of HTTP/2, and ends before this is closed; without it they are answered as all others. */
  readonly http2?: ((conn: ByteStream) => Promise<void>) | undefined;
}

export interface HttpListener {
  readonly port: number;
  /** Takes no new requests and lets those that run end, for so long. */
  close(withinMs: number): Promise<void>;
}

type Answer = (request: Request) => Promise<Response>;

export async function listenHttp(
  world: CertificateWorld,
  answer: Answer,
  { hostname, port, tls, http2 }: HttpListenOptions,
): Promise<HttpListener> {
  const { clock } = world;
  if (tls === undefined && http2 === undefined) {
    const server = Deno.serve({ hostname, port, onListen() {} }, answer);
    return {
      port: server.addr.port,
      close: (withinMs) => closeHttp(server, clock, withinMs),
    };
  }
  const listener = await listenBytes(world, { hostname, port, tls });
  const inner = tls === undefined ? onLoopback(answer) : onSocket(answer);
  const splice = new PortSplice(clock, listener, { behind: inner.behind, http2 });
  return {
    port: splice.port,
    async close(withinMs) {
      await splice.stop();
      await closeHttp(inner.server, clock, withinMs);
      await splice.close();
      inner.remove();
    },
  };
}

interface Inner {
  readonly server: Deno.HttpServer;
  readonly behind: Behind;
  remove(): void;
}

function onLoopback(answer: Answer): Inner {
  const hostname = "127.0.0.1";
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, answer);
  return { server, behind: { hostname, port: server.addr.port }, remove() {} };
}

function onSocket(answer: Answer): Inner {
  const folder = Deno.makeTempDirSync({ prefix: "segno-" }); // its mode is 0700
  const path = `${folder}/http`;
  const server = Deno.serve({ path, onListen() {} }, answer);
  return {
    server,
    behind: { transport: "unix", path },
    remove: () => Deno.removeSync(folder, { recursive: true }),
  };
}
