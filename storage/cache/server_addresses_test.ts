import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { chosen } from "./memcached.ts";
import { type Resolver, ServerAddresses } from "./server_addresses.ts";

function scene() {
  const clock = new SimulatedClock();
  const hosts = new Map<string, string[]>([["cache", ["10.0.0.2", "10.0.0.1", "::1"]]]);
  const resolver: Resolver = {
    addresses: (host) => {
      const found = hosts.get(host);
      return found === undefined ? Promise.reject(new Error("NXDOMAIN")) : Promise.resolve(found);
    },
    services: () => Promise.resolve([{ host: "cache.", port: 7 }]),
  };
  const failures: string[] = [];
  const open = (...names: string[]) =>
    ServerAddresses.open(clock, resolver, names, 60_000, (name) => failures.push(name));
  return { clock, hosts, failures, open };
}

Deno.test("addresses stand for themselves, names for what they are looked up as", async () => {
  const { open } = scene();
  using fixed = await open("a:1", "b:2", "a:1");
  assert.deepEqual(fixed.current, ["a:1", "b:2"]);
  using named = await open("dns+cache:5");
  assert.deepEqual(named.current, ["10.0.0.1:5", "10.0.0.2:5", "[::1]:5"]);
  using service = await open("dnssrv+_memcached._tcp.x");
  assert.deepEqual(service.current, ["10.0.0.1:7", "10.0.0.2:7", "[::1]:7"]);
  using plain = await open("dnssrvnoa+_memcached._tcp.x");
  assert.deepEqual(plain.current, ["cache.:7"]);
});

Deno.test("servers come and go as their name says; a name without an answer keeps the last", async () => {
  const { clock, hosts, failures, open } = scene();
  using servers = await open("dns+cache:5");
  hosts.set("cache", ["10.0.0.9"]);
  await clock.advance(60_000);
  assert.deepEqual(servers.current, ["10.0.0.9:5"]);
  hosts.delete("cache");
  await clock.advance(60_000);
  assert.deepEqual(servers.current, ["10.0.0.9:5"]);
  assert.deepEqual(failures, ["dns+cache:5"]);
});

Deno.test("a name server that says nothing holds nobody up, and is heard when it speaks", async () => {
  const clock = new SimulatedClock();
  const answer = Promise.withResolvers<readonly string[]>();
  const resolver: Resolver = {
    addresses: () => answer.promise,
    services: () => Promise.resolve([]),
  };
  const opening = ServerAddresses.open(clock, resolver, ["dns+cache:5"], 60_000, () => {});
  await clock.advance(2_000);
  using servers = await opening;
  assert.deepEqual(servers.current, []);
  answer.resolve(["10.0.0.1"]);
  await clock.advance(0);
  assert.deepEqual(servers.current, ["10.0.0.1:5"]);
});

Deno.test("a server that goes moves its own keys alone, and each has its share", () => {
  const servers = ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211", "10.0.0.4:11211"];
  const shares = new Map<string, number>();
  for (let i = 0; i < 4_000; i++) {
    const key = `segno1:bloom:t/${i}`;
    const before = chosen(key, servers)!;
    const after = chosen(key, servers.slice(1));
    if (before !== servers[0]) assert.equal(after, before);
    shares.set(before, (shares.get(before) ?? 0) + 1);
  }
  for (const server of servers) {
    const share = shares.get(server)!;
    assert(share > 800 && share < 1_200, `${server} has ${share} of 4000`);
  }
  assert.equal(chosen("k", []), undefined);
});
