import assert from "node:assert/strict";
import { certificatesOf } from "../tests/support/certificate_sources.ts";
import { Authority } from "../tests/support/certificates.ts";
import { systemClock } from "./clock.ts";
import { GrpcServer } from "./grpc_server.ts";
import { listenHttp } from "./http_listener.ts";
import { seededRandom } from "./random.ts";
import { createRuntime } from "./runtime.ts";
import { GrpcClient } from "./grpc_client.ts";

const authority = new Authority();
const pair = authority.sign({ name: "server" });
const hostname = "127.0.0.1";
const never = new AbortController().signal;

const answer = async (request: Request) =>
  new Response(`${request.method} ${new URL(request.url).host} ${(await request.bytes()).length}`);

Deno.test("HTTP/1.1 and HTTP/2 are answered behind TLS, bodies of any size", async () => {
  using certificates = certificatesOf({ ...pair, ca: authority.cert });
  const tls = { certificates, clientAuth: "RequireAndVerifyClientCert" as const, isOnly13: false };
  const listener = await listenHttp(createRuntime(), answer, { hostname, port: 0, tls });
  const body = seededRandom(3).fill(new Uint8Array(600_000)) as Uint8Array<ArrayBuffer>;
  const url = `https://${hostname}:${listener.port}/`;
  for (const http2 of [true, false]) {
    const caCerts = [authority.cert];
    using client = Deno.createHttpClient({ http1: !http2, http2, caCerts, ...pair });
    const posts = Array.from({ length: 4 }, () => fetch(url, { client, method: "POST", body }));
    for (const post of posts) {
      assert.equal(await (await post).text(), `POST ${hostname}:${listener.port} 600000`);
    }
    using stranger = Deno.createHttpClient({ http1: !http2, http2, caCerts });
    await assert.rejects(fetch(url, { client: stranger }));
  }
  await listener.close(1_000);
});

Deno.test("a port shared with gRPC has both behind one TLS", async () => {
  const runtime = createRuntime();
  using certificates = certificatesOf({ ...pair, ca: authority.cert });
  const grpc = new GrpcServer(runtime, {
    "/t.T/Echo": { kind: "unary", handle: ({ message }) => Promise.resolve(message) },
  });
  const listener = await listenHttp(runtime, answer, {
    hostname,
    port: 0,
    tls: { certificates, clientAuth: "NoClientCert", isOnly13: false },
    http2: (conn) => grpc.take(conn),
  });
  const address = `${hostname}:${listener.port}`;
  using trusting = certificatesOf({ ca: authority.cert });
  const tls = { certificates: trusting, serverName: "" };
  const options = { address, timeoutMs: 5_000, receivedBytesMax: 1 << 20, tls };
  const client = new GrpcClient(systemClock, options);
  assert.equal((await client.call("/t.T/Echo", new Uint8Array(70_000), {}, never)).length, 70_000);
  using http = Deno.createHttpClient({ http2: false, caCerts: [authority.cert] });
  const response = await fetch(`https://${address}/`, { client: http });
  assert.equal(await response.text(), `GET ${address} 0`);
  client[Symbol.dispose]();
  await grpc[Symbol.asyncDispose]();
  await listener.close(1_000);
});

Deno.test("what runs when it closes is answered, and its socket is gone", async () => {
  using certificates = certificatesOf(pair);
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const listener = await listenHttp(createRuntime(), async () => {
    asked.resolve();
    await release.promise;
    return new Response("late");
  }, {
    hostname,
    port: 0,
    tls: { certificates, clientAuth: "NoClientCert", isOnly13: false },
  });
  using client = Deno.createHttpClient({ caCerts: [authority.cert] });
  const response = fetch(`https://${hostname}:${listener.port}/`, { client });
  await asked.promise;
  const closed = listener.close(5_000);
  release.resolve();
  assert.equal(await (await response).text(), "late");
  await closed;
  await assert.rejects(fetch(`https://${hostname}:${listener.port}/`, { client }));
});
