import assert from "node:assert/strict";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";

import { systemClock } from "../../lib/clock.ts";
import { Authority } from "../../tests/support/certificates.ts";
import { HttpEndpoint } from "./endpoint.ts";
import type { EndpointSettings, EndpointTls } from "./endpoint_settings.ts";

const NEVER = new AbortController().signal;
const BODY = new TextEncoder().encode("compressed");

const settings = (changes: Partial<EndpointSettings>): EndpointSettings => ({
  name: "a",
  url: "http://127.0.0.1:1",
  headers: {},
  auth: undefined,
  tls: undefined,
  timeoutMs: 2_000,
  sendsExemplars: true,
  sendsNativeHistograms: true,
  relabelling: [],
  queue: {
    samplesMax: 100,
    atOnce: 1,
    backoffMinMs: 1,
    backoffMaxMs: 10,
    retriesOn429: false,
    ageMaxMs: 0,
  },
  ...changes,
});

Deno.test("a request has the protocol's headers, those it is given, and who asks", async () => {
  const seen: { headers: Headers; body: string; path: string }[] = [];
  await using server = await answering(async (request) => {
    const { pathname, search } = new URL(request.url);
    seen.push({ headers: request.headers, body: await request.text(), path: pathname + search });
    return new Response(null, { status: 204 });
  });
  const dir = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${dir}/password`, "p:w\n");
  const url = `${server.url}/api/v1/write?x=1`;
  const basic = {
    kind: "basic",
    username: { from: "value", text: "me" },
    password: { from: "file", path: `${dir}/password` },
  } as const;
  const bearer = {
    kind: "header",
    type: "Bearer",
    credentials: { from: "value", text: "token" },
  } as const;
  for (const auth of [basic, bearer]) {
    using endpoint = new HttpEndpoint(systemClock, settings({ url, auth }));
    const headers = { "X-Scope-OrgID": "team-a" };
    assert.deepEqual(await endpoint.send(BODY, headers, NEVER), { kind: "taken" });
  }
  Deno.removeSync(dir, { recursive: true });
  const [first, second] = seen;
  assert.equal(first!.path, "/api/v1/write?x=1");
  assert.equal(first!.body, "compressed");
  assert.equal(first!.headers.get("content-encoding"), "snappy");
  assert.equal(first!.headers.get("content-type"), "application/x-protobuf");
  assert.equal(first!.headers.get("x-prometheus-remote-write-version"), "0.1.0");
  assert.equal(first!.headers.get("x-scope-orgid"), "team-a");
  assert.equal(first!.headers.get("authorization"), `Basic ${btoa("me:p:w")}`);
  assert.equal(second!.headers.get("authorization"), "Bearer token");
});

Deno.test("what an answer means", async () => {
  let answer = new Response();
  await using server = await answering(() => Promise.resolve(answer));
  const outcomeOf = async (response: Response, retriesOn429 = false) => {
    answer = response;
    const base = settings({ url: server.url });
    const queue = { ...base.queue, retriesOn429 };
    using endpoint = new HttpEndpoint(systemClock, { ...base, queue });
    return await endpoint.send(BODY, {}, NEVER);
  };
  const text = (status: number, headers = {}) => new Response("why\n", { status, headers });
  assert.deepEqual(await outcomeOf(text(503, { "retry-after": "2" })), {
    kind: "away",
    reason: "HTTP 503: why",
    afterMs: 2000,
  });
  assert.deepEqual(await outcomeOf(text(400)), {
    kind: "refused",
    reason: "HTTP 400: why",
    isForContents: true,
  });
  assert.equal((await outcomeOf(text(401))).kind, "refused");
  assert.equal((await outcomeOf(text(429))).kind, "refused");
  assert.equal((await outcomeOf(text(429), true)).kind, "away");
});

Deno.test("over TLS: an authority that is told is trusted, no other is, and who asks shows a certificate", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign({ name: "member of tests" });
  const ca = authority.cert;
  const seen: string[] = [];
  const server = https.createServer(
    { ca, cert, key, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      seen.push(subject?.CN === undefined ? "nobody" : String(subject.CN));
      request.resume().on("end", () => response.writeHead(204).end());
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const none = { serverName: undefined, isUnverified: false, minVersion: undefined };
  const outcomeOf = async (tls: Partial<EndpointTls>) => {
    const all = { ca: undefined, cert: undefined, key: undefined, ...none, ...tls };
    using endpoint = new HttpEndpoint(systemClock, settings({ url, tls: all }));
    return await endpoint.send(BODY, {}, NEVER);
  };
  assert.equal((await outcomeOf({})).kind, "away", "the system's authorities do not know it");
  assert.equal((await outcomeOf({ ca })).kind, "taken");
  assert.equal((await outcomeOf({ ca, cert, key, minVersion: "TLSv1.3" })).kind, "taken");
  assert.equal((await outcomeOf({ isUnverified: true })).kind, "taken");
  assert.equal((await outcomeOf({ ca, serverName: "elsewhere" })).kind, "away");
  assert.deepEqual(seen, ["nobody", "member of tests", "nobody"]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("nobody there, no answer in time, and a stop are no refusals", async () => {
  using nobody = new HttpEndpoint(systemClock, settings({}));
  assert.equal((await nobody.send(BODY, {}, NEVER)).kind, "away");

  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
  using slow = new HttpEndpoint(systemClock, settings({ url, timeoutMs: 50 }));
  const outcome = await slow.send(BODY, {}, NEVER);
  assert.deepEqual(outcome, { kind: "away", reason: "no answer in 50 ms", afterMs: undefined });
  const stopped = await slow.send(BODY, {}, AbortSignal.abort());
  assert.equal(stopped.kind, "away");
  silent.close();
});

async function answering(answer: (request: Request) => Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  await Promise.resolve();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
