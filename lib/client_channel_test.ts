import assert from "node:assert/strict";
import { certificatesOf } from "../tests/support/certificate_sources.ts";
import { Authority } from "../tests/support/certificates.ts";
import { ClientChannel } from "./client_channel.ts";
import { listenHttp } from "./http_listener.ts";
import { createRuntime } from "./runtime.ts";

const authority = new Authority();
const hostname = "127.0.0.1";

async function open(hosts: readonly string[], answer: () => Promise<Response>) {
  const pair = authority.sign({ name: "server", hosts });
  const certificates = certificatesOf({ ...pair, ca: authority.cert });
  const listener = await listenHttp(createRuntime(), answer, {
    hostname,
    port: 0,
    tls: { certificates, clientAuth: "RequireAndVerifyClientCert", isOnly13: false },
  });
  return {
    address: `${hostname}:${listener.port}`,
    async [Symbol.asyncDispose]() {
      await listener.close(1_000);
      certificates[Symbol.dispose]();
    },
  };
}

const get = async ({ base, client }: ClientChannel) =>
  await (await fetch(`${base}/`, { client })).text();
const yes = () => Promise.resolve(new Response("yes"));

Deno.test("a server is asked for the name that is told, wherever it is", async () => {
  await using server = await open(["segno.example"], yes);
  using certificates = certificatesOf({ ...authority.sign({ name: "c" }), ca: authority.cert });
  using named = new ClientChannel(server.address, { certificates, serverName: "segno.example" });
  assert.deepEqual(
    await Promise.all(Array.from({ length: 20 }, () => get(named))),
    Array(20).fill("yes"),
  );
  for (const serverName of ["", "other.example"]) {
    using wrong = new ClientChannel(server.address, { certificates, serverName });
    await assert.rejects(get(wrong), (error: Error) => {
      return /certificate not valid for name/.test(String((error.cause as Error).message));
    });
  }
});

Deno.test("renewed certificates are shown from the next request on, what runs goes on", async () => {
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  const answer = () => {
    if (stream !== undefined) return yes();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (c) => void (stream = c) });
    return Promise.resolve(new Response(body));
  };
  await using server = await open([hostname], answer);
  const texts = { ...authority.sign({ name: "c" }), ca: authority.cert };
  using certificates = certificatesOf(texts);
  using channel = new ClientChannel(server.address, { certificates, serverName: "" });
  const running = await fetch(`${channel.base}/`, { client: channel.client });
  Object.assign(texts, new Authority("another").sign({ name: "stranger" }));
  certificates.refresh();
  await assert.rejects(get(channel), "the stranger's certificate is the one that is shown");
  Object.assign(texts, authority.sign({ name: "renewed" }));
  certificates.refresh();
  assert.equal(await get(channel), "yes");
  stream!.enqueue(new TextEncoder().encode("to its end"));
  stream!.close();
  assert.equal(await running.text(), "to its end");
});

Deno.test("in the clear there is nothing of it", async () => {
  await using server = Deno.serve({ hostname, port: 0, onListen() {} }, yes);
  using channel = new ClientChannel(`${hostname}:${server.addr.port}`, undefined);
  assert.equal(await get(channel), "yes");
});
