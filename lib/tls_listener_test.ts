// Clients of Deno.connectTls at the listener on loopback.
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { Authority, type SignedPair } from "../tests/support/certificates.ts";
import { Certificates } from "./certificates.ts";
import { systemClock } from "./clock.ts";
import { UnavailableError } from "./errors.ts";
import type { ByteListener } from "./byte_listener.ts";
import { createRuntime } from "./runtime.ts";
import { CLIENT_AUTH, type ClientAuth, listenBytes, listenTls } from "./tls_listener.ts";

const authority = new Authority();
const server = authority.sign({ name: "server" });
const believed = authority.sign({ name: "client" });
const stranger = new Authority("another").sign({ name: "stranger" });
const expired = authority.sign({ name: "late", expiresMs: systemClock.now() - 60_000 });
const hostname = "127.0.0.1";

const source = (name: string, text: () => string) => ({ name, read: text });

function certificatesOf(pair: { current: SignedPair } = { current: server }): Certificates {
  return new Certificates(createRuntime(), "server", {
    cert: source("cert", () => pair.current.cert),
    key: source("key", () => pair.current.key),
    ca: source("ca", () => authority.cert),
  });
}

/** Answers what it hears with an exclamation mark, until the other side ends. */
async function answering(listener: ByteListener): Promise<void> {
  for await (const conn of listener) {
    void (async () => {
      const bytes = new Uint8Array(1000);
      try {
        for (let size = await conn.read(bytes); size !== null; size = await conn.read(bytes)) {
          await conn.write(bytes.slice(0, size));
          await conn.write(new TextEncoder().encode("!"));
        }
      } catch {
        // it broke
      }
      conn.close();
    })();
  }
}

/** Undefined if it is not let in. */
async function greet(
  port: number,
  pair?: SignedPair,
  ca = authority.cert,
): Promise<string | undefined> {
  const conn = await Deno.connectTls({ hostname, port, caCerts: [ca], ...pair }).catch(() => {});
  if (conn === undefined) return undefined;
  try {
    await conn.write(new TextEncoder().encode("hello"));
    let text = "";
    const bytes = new Uint8Array(100);
    while (!text.includes("!")) {
      const size = await conn.read(bytes);
      if (size === null) return undefined;
      text += new TextDecoder().decode(bytes.subarray(0, size));
    }
    return text;
  } catch {
    return undefined;
  } finally {
    conn.close();
  }
}

Deno.test("who is let in follows from what clients are asked for", async () => {
  const clients = { nothing: undefined, believed, stranger, expired };
  const all = Object.keys(clients);
  const letIn: Record<ClientAuth, string[]> = {
    NoClientCert: all,
    RequestClientCert: all,
    RequireAnyClientCert: ["believed", "stranger", "expired"],
    VerifyClientCertIfGiven: ["nothing", "believed"],
    RequireAndVerifyClientCert: ["believed"],
  };
  for (const clientAuth of CLIENT_AUTH) {
    using certificates = certificatesOf();
    const runtime = createRuntime();
    const tls = { certificates, clientAuth, isOnly13: false };
    const listener = await listenTls(runtime, hostname, 0, tls);
    const served = answering(listener);
    await Promise.all(
      Object.entries(clients).map(async ([name, pair]) => {
        const expected = letIn[clientAuth].includes(name) ? "hello!" : undefined;
        assert.equal(await greet(listener.port, pair), expected, `${clientAuth} ${name}`);
      }),
    );
    listener.close();
    await served;
    const failed = /segno_tls_failed_handshakes_total (\d+)/.exec(await runtime.metrics.text());
    assert.equal(Number(failed![1]), all.length - letIn[clientAuth].length, clientAuth);
  }
});

Deno.test("new connections get the renewed certificate, those that are open go on", async () => {
  const renewed = new Authority("renewed");
  const pair = { current: server };
  using certificates = certificatesOf(pair);
  const tls = { certificates, clientAuth: "NoClientCert" as const, isOnly13: false };
  const listener = await listenTls(createRuntime(), hostname, 0, tls);
  const served = answering(listener);
  using open = await Deno.connectTls({
    hostname,
    port: listener.port,
    caCerts: [authority.cert],
  });
  await open.handshake();
  pair.current = renewed.sign({ name: "server" });
  certificates.refresh();
  assert.equal(await greet(listener.port, undefined, renewed.cert), "hello!");
  assert.equal(await greet(listener.port, undefined, authority.cert), undefined);
  await open.write(new TextEncoder().encode("still"));
  assert.equal(await open.read(new Uint8Array(10)) !== null, true);
  listener.close();
  await served;
});

Deno.test("what is no TLS is sent away; who says nothing does not hold the listener up", async () => {
  using certificates = certificatesOf();
  const tls = { certificates, clientAuth: "NoClientCert" as const, isOnly13: true };
  const listener = await listenBytes(createRuntime(), { hostname, port: 0, tls });
  const served = answering(listener);
  using plain = await Deno.connect({ hostname, port: listener.port });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  const alert = new Uint8Array(100);
  const size = await plain.read(alert).catch(() => 0);
  assert.ok(size === null || size < 20, "no more than an alert");
  using silent = await Deno.connect({ hostname, port: listener.port });
  assert.equal(await greet(listener.port), "hello!");
  listener.close();
  await served;
  assert.equal(await silent.read(alert).catch(() => null), null);
});

Deno.test("who does not shake hands in time is sent away, others are not waited for by it", async () => {
  using certificates = certificatesOf();
  const runtime = createRuntime();
  const tls = { certificates, clientAuth: "NoClientCert" as const, isOnly13: false };
  const listener = await listenTls(runtime, hostname, 0, tls, 100);
  const served = answering(listener);
  using silent = await Deno.connect({ hostname, port: listener.port });
  assert.equal(await greet(listener.port), "hello!");
  assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
  assert.match(await runtime.metrics.text(), /segno_tls_failed_handshakes_total 1\n/);
  listener.close();
  await served;
});

Deno.test("with TLS 1.3 alone, clients of 1.2 are sent away", async () => {
  using certificates = certificatesOf();
  const got: (string | null)[] = [];
  for (const isOnly13 of [false, true]) {
    const tls = { certificates, clientAuth: "NoClientCert" as const, isOnly13 };
    const listener = await listenTls(createRuntime(), hostname, 0, tls);
    const served = answering(listener);
    const { port } = listener;
    const ca = authority.cert;
    const socket = connect({ host: hostname, port, ca, maxVersion: "TLSv1.2" });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    got.push(
      await new Promise<string | null>((resolve) => {
        socket.on("secureConnect", () => resolve(socket.getProtocol()));
        socket.on("error", () => resolve(null));
      }),
    );
    socket.destroy();
    await closed;
    listener.close();
    await served;
  }
  assert.deepEqual(got, ["TLSv1.2", null]);
});

Deno.test("a port that is taken is told with its address", async () => {
  using certificates = certificatesOf();
  using taken = Deno.listen({ hostname, port: 0 });
  const { port } = taken.addr;
  const tls = { certificates, clientAuth: "NoClientCert" as const, isOnly13: false };
  await assert.rejects(listenTls(createRuntime(), hostname, port, tls), (error) => {
    return error instanceof UnavailableError && error.message.includes(`${hostname}:${port}`);
  });
});
