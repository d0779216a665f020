import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { parseSeed, type Resolver, Seeds } from "./seeds.ts";
import { systemResolver } from "./system_resolver.ts";

function world(texts: readonly string[], resolver: Partial<Resolver> = {}) {
  const clock = new SimulatedClock();
  const seeds = new Seeds(createRuntime({ clock }), {
    addressesOf: (host) => Promise.reject(new Error(`no host ${host}`)),
    serviceOf: (name) => Promise.reject(new Error(`no service ${name}`)),
    ...resolver,
  }, texts.map(parseSeed));
  return { clock, seeds };
}

Deno.test("a seed is read in each of its forms", () => {
  const forms: [string, ReturnType<typeof parseSeed>][] = [
    ["a.b", { kind: "dns", host: "a.b", port: undefined }],
    ["10.0.0.1:7000", { kind: "dns", host: "10.0.0.1", port: 7000 }],
    ["[::1]:7000", { kind: "dns", host: "[::1]", port: 7000 }],
    ["dns+gossip-ring:7946", { kind: "dns", host: "gossip-ring", port: 7946 }],
    ["dnssrv+_gossip._tcp.x", { kind: "dnssrv", host: "_gossip._tcp.x", port: undefined }],
    ["dnssrvnoa+_gossip._tcp.x", { kind: "dnssrvnoa", host: "_gossip._tcp.x", port: undefined }],
  ];
  for (const [text, seed] of forms) assert.deepEqual(parseSeed(text), seed);
  for (const wrong of ["", "a:0", "a:70000", "a b:1", "mdns+a:1", "http://a:1", "::1"]) {
    assert.throws(() => parseSeed(wrong), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^memberlist\.join_members: /);
      return true;
    }, wrong);
  }
});

Deno.test("hosts and services are looked up, each address once, with the usual port", async () => {
  const { seeds } = world(
    ["a", "dns+a:7000", "10.0.0.9:1", "dnssrv+_g._tcp.x", "dnssrvnoa+_g._tcp.x"],
    {
      addressesOf: (host) => Promise.resolve(host === "a" ? ["10.0.0.1", "::2"] : ["10.0.0.3"]),
      serviceOf: () => Promise.resolve([{ host: "t1", port: 5 }, { host: "t2", port: 5 }]),
    },
  );
  assert.deepEqual(await seeds.addresses(), [
    ...["10.0.0.1:7946", "[::2]:7946", "10.0.0.1:7000", "[::2]:7000", "10.0.0.9:1"],
    ...["10.0.0.3:5", "t1:5", "t2:5"],
  ]);
});

Deno.test("a port that is written wins over one that is looked up", async () => {
  const { seeds } = world(["dnssrv+_g._tcp.x:9", "dnssrvnoa+_g._tcp.x:9"], {
    addressesOf: () => Promise.resolve(["10.0.0.3"]),
    serviceOf: () => Promise.resolve([{ host: "t1", port: 5 }]),
  });
  assert.deepEqual(await seeds.addresses(), ["10.0.0.3:9", "t1:9"]);
});

Deno.test("a seed is looked up anew after a time, and the former answer kept while that fails", async () => {
  let answer: () => Promise<string[]> = () => Promise.resolve(["10.0.0.1"]);
  const { clock, seeds } = world(["a:1", "gone:1"], {
    addressesOf: (host) => host === "a" ? answer() : Promise.reject(new Error("no such host")),
  });
  assert.deepEqual(await seeds.addresses(), ["10.0.0.1:1"], "one that fails spoils no other");
  answer = () => Promise.resolve(["10.0.0.2"]);
  await clock.advance(29_999);
  assert.deepEqual(await seeds.addresses(), ["10.0.0.1:1"]);
  await clock.advance(1);
  assert.deepEqual(await seeds.addresses(), ["10.0.0.2:1"]);
  answer = () => new Promise(() => {});
  await clock.advance(30_000);
  const waiting = seeds.addresses();
  await clock.advance(5_000);
  assert.deepEqual(await waiting, ["10.0.0.2:1"], "a resolver that hangs is not waited for");
});

Deno.test("the machine's own names are resolved by the machine", async () => {
  assert.ok((await systemResolver.addressesOf("localhost")).includes("127.0.0.1"));
});
