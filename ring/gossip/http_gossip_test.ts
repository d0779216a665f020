// Members that gossip over real sockets on loopback, round by round.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import { certificatesOf } from "../../tests/support/certificate_sources.ts";
import { Authority } from "../../tests/support/certificates.ts";
import { defaultGossipOptions, Gossip } from "./gossip.ts";
import { type GossipListenOptions, listenForGossip } from "./http_listener.ts";
import { GOSSIP_PATH, HttpGossipTransport } from "./http_transport.ts";
import { ReplicatedMap } from "./replicated_map.ts";

const NEVER = new AbortController().signal;
const HOST = "127.0.0.1";
const wire: GossipListenOptions = {
  hostnames: [HOST],
  port: 0,
  cluster: "blue",
  takesAnyCluster: false,
  secret: "s3cret",
  formerSecret: "",
  timeoutMs: 2_000,
  messageBytesMax: 1 << 20,
  exchangesMax: 8,
  connectionsMax: 16,
  tls: undefined,
};

async function openMember(
  stack: AsyncDisposableStack,
  name: string,
  seeds: readonly string[],
  parts: Partial<GossipListenOptions> = {},
) {
  const options = { ...wire, ...parts };
  const runtime = createRuntime();
  const map = new ReplicatedMap();
  // A listener needs somebody to hand messages to, who needs to know its port.
  let receive = (_: Uint8Array): Uint8Array => assert.fail("not yet");
  const listener = stack.use(await listenForGossip(runtime, (bytes) => receive(bytes), options));
  const transport = stack.use(new HttpGossipTransport(runtime, options));
  const address = `${HOST}:${listener.port}`;
  const gossip = stack.use(
    new Gossip(runtime, transport, map, {
      ...defaultGossipOptions,
      name,
      address,
      seeds: () => Promise.resolve(seeds),
    }),
  );
  receive = (bytes) => gossip.receive(bytes);
  const write = (state: string) =>
    map.write(`i/ring/${name}`, runtime.clock.now(), 1, JSON.stringify({ gossip: address, state }));
  write("here");
  const refusals = async (reason: string) => {
    const text = await runtime.metrics.text();
    const line = new RegExp(`segno_gossip_refused_messages_total\\{reason="${reason}"\\} (\\d+)`);
    return Number(line.exec(text)?.[1] ?? 0);
  };
  const state = (of: string) => map.value(`i/ring/${of}`);
  return { name, address, map, gossip, listener, transport, write, refusals, state };
}

type Member = Awaited<ReturnType<typeof openMember>>;

async function rounds(members: readonly Member[], isDone: () => boolean): Promise<void> {
  for (let round = 0; round < 12 && !isDone(); round++) {
    for (const { gossip } of members) await gossip.round(NEVER);
  }
  assert.ok(isDone());
}

const isSame = (members: readonly Member[]) => () =>
  new Set(members.map(({ map }) => `${map.size} ${map.contentsHash}`)).size === 1 &&
  members.every(({ map }) => map.size === members.length);

Deno.test("three members that know one seed find each other; one of another secret or cluster does not", async () => {
  await using stack = new AsyncDisposableStack();
  const a = await openMember(stack, "a", []);
  const b = await openMember(stack, "b", [a.address]);
  const c = await openMember(stack, "c", [a.address]);
  await rounds([a, b, c], isSame([a, b, c]));
  const stranger = await openMember(stack, "stranger", [a.address], { secret: "guess" });
  const green = await openMember(stack, "green", [a.address], { cluster: "green" });
  const open = await openMember(stack, "open", [a.address], { secret: "" });
  for (const other of [stranger, green, open]) {
    assert.equal(await other.gossip.round(NEVER), 0);
    assert.equal(other.map.size, 1);
  }
  assert.ok(isSame([a, b, c])());
  assert.deepEqual([await a.refusals("secret"), await a.refusals("cluster")], [2, 1]);
});

Deno.test("an answer without proof is none, whoever gives it", async () => {
  await using stack = new AsyncDisposableStack();
  const liar = await openMember(stack, "liar", [], { secret: "" });
  const a = await openMember(stack, "a", [liar.address]);
  assert.equal(await a.gossip.round(NEVER), 0);
  assert.equal(a.map.size, 1);
  const message = new Uint8Array(3);
  await assert.rejects(a.transport.exchange(liar.address, message, NEVER), UnavailableError);
});

Deno.test("a member that restarts on another port is found again, with what it has missed", async () => {
  await using stack = new AsyncDisposableStack();
  const a = await openMember(stack, "a", []);
  const b = await openMember(stack, "b", [a.address]);
  await using first = new AsyncDisposableStack();
  const c = await openMember(first, "c", [a.address]);
  await rounds([a, b, c], isSame([a, b, c]));
  await first.disposeAsync();
  b.write("changed");
  await rounds([a, b], () => a.state("b")!.includes("changed"));
  const again = await openMember(stack, "c", [a.address]);
  const others = [a, b, again];
  await rounds(others, () => isSame(others)() && a.state("c")!.includes(again.address));
  assert.match(again.state("b")!, /changed/);
});

Deno.test("a seed that is the member itself is nobody", async () => {
  await using stack = new AsyncDisposableStack();
  const seeds: string[] = [];
  const a = await openMember(stack, "a", seeds);
  seeds.push(a.address.replace(HOST, "localhost"));
  assert.equal(await a.gossip.round(NEVER), 0);
});

Deno.test("garbage, size, crowds and silence end in a refusal, and the listener goes on", async () => {
  await using stack = new AsyncDisposableStack();
  const parts = { secret: "", messageBytesMax: 1000, timeoutMs: 100, exchangesMax: 2 };
  const a = await openMember(stack, "a", [], parts);
  const send = async (
    body: BodyInit,
    path = GOSSIP_PATH,
    headers = { "Segno-Cluster": "blue" },
  ) => {
    const url = `http://${a.address}${path}`;
    const response = await fetch(url, { method: "POST", body, headers });
    return [response.status, (await response.text()).trim()];
  };
  assert.deepEqual(await send(new Uint8Array([9, 9, 9])), [400, "refused: unreadable"]);
  assert.deepEqual(await send(new Uint8Array(1001)), [413, "refused: size"]);
  assert.deepEqual(await send("", "/other"), [404, "refused: path"]);
  assert.deepEqual(await send("", GOSSIP_PATH, {} as never), [403, "refused: cluster"]);
  const connect = () => Deno.connect({ hostname: HOST, port: a.listener.port });
  const untilClosed = async (connection: Deno.Conn) => {
    const into = new Uint8Array(1024);
    while (await connection.read(into).catch(() => null) !== null);
    connection.close();
  };
  const garbage = await connect();
  await garbage.write(new Uint8Array(100).fill(7));
  const crowd = await Promise.all(Array.from({ length: 20 }, connect)); // who say nothing at all
  await Promise.all([garbage, ...crowd].map(untilClosed));
  // Two that begin and say no more.
  const silent = await Promise.all([1, 2].map(async () => {
    const connection = await connect();
    const head = `POST ${GOSSIP_PATH} HTTP/1.1\r\nHost: x\r\nSegno-Cluster: blue\r\n` +
      "Content-Length: 10\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    return connection;
  }));
  while ((await send(""))[0] !== 503);
  while (await a.refusals("time") < 2) await sleep(systemClock, 20, NEVER);
  silent.forEach((connection) => connection.close());
  const b = await openMember(stack, "b", [a.address], parts);
  await rounds([a, b], isSame([a, b]));
  const refused = ["unreadable", "size", "path", "cluster", "busy"].map((r) => a.refusals(r));
  assert.ok((await Promise.all(refused)).every((count) => count >= 1));
});

Deno.test("with certificates members speak to those of their authority, and to nobody else", async () => {
  await using stack = new AsyncDisposableStack();
  const authority = new Authority();
  const texts = { ...authority.sign({ name: "member" }), ca: authority.cert };
  const certificates = stack.use(certificatesOf(texts));
  const tls = { certificates, serverName: "" };
  const strange = { ...new Authority("another").sign({ name: "stranger" }), ca: authority.cert };
  const a = await openMember(stack, "a", [], { tls });
  const b = await openMember(stack, "b", [a.address], { tls });
  await rounds([a, b], isSame([a, b]));
  const stranger = await openMember(stack, "x", [a.address], {
    tls: { certificates: stack.use(certificatesOf(strange)), serverName: "" },
  });
  const plain = await openMember(stack, "y", [a.address]);
  for (const other of [stranger, plain]) assert.equal(await other.gossip.round(NEVER), 0);
  assert.equal(a.map.size, 2);
  // All of it is renewed, the authority too: they go on, and who has been left behind does not.
  const late = await openMember(stack, "z", [a.address], {
    tls: { certificates: stack.use(certificatesOf({ ...texts })), serverName: "" },
  });
  const renewed = new Authority("renewed");
  Object.assign(texts, renewed.sign({ name: "member" }), { ca: renewed.cert });
  certificates.refresh();
  a.write("renewed");
  await rounds([a, b], isSame([a, b]));
  assert.equal(await late.gossip.round(NEVER), 0);
});

Deno.test("members of one name are believed wherever they are, and no others", async () => {
  await using stack = new AsyncDisposableStack();
  const authority = new Authority();
  const named = (hosts: readonly string[], serverName = "segno.internal") => {
    const texts = { ...authority.sign({ name: "member", hosts }), ca: authority.cert };
    return { tls: { certificates: stack.use(certificatesOf(texts)), serverName } };
  };
  const a = await openMember(stack, "a", [], named(["segno.internal"]));
  const b = await openMember(stack, "b", [a.address], named(["segno.internal"]));
  await rounds([a, b], isSame([a, b]));
  const doubting = await openMember(
    stack,
    "x",
    [a.address],
    named(["segno.internal"], "other.internal"),
  );
  await assert.rejects(
    doubting.transport.exchange(a.address, new Uint8Array(1), NEVER),
    /certificate not valid for name "other.internal"|altnames|does not match/i,
  );
  assert.equal(await doubting.gossip.round(NEVER), 0);
  // Of the same authority, but by another name.
  const other = await openMember(stack, "y", [], named([HOST]));
  await assert.rejects(
    a.transport.exchange(other.address, new Uint8Array(1), NEVER),
    UnavailableError,
  );
});
