import assert from "node:assert/strict";
import { SimulatedClock } from "./clock.ts";
import {
  ConnectionLife,
  defaultConnectionOptions,
  type Http2ConnectionOptions,
} from "./http2_life.ts";

function aLife(options: Partial<Http2ConnectionOptions>) {
  const clock = new SimulatedClock(1000);
  const journal: string[] = [];
  const note = (what: string) => journal.push(`${what} ${clock.monotonic() - 1000}`);
  const owner = {
    streamCount: 0,
    ping: () => note("ping"),
    stop: () => note("stop"),
    close: () => note("close"),
  };
  const life = new ConnectionLife(clock, owner, { ...defaultConnectionOptions, ...options });
  return { clock, journal, owner, life };
}

Deno.test("a silent peer is pinged, and given up if it stays silent", async () => {
  const { clock, journal, life } = aLife({ keepaliveMs: 100, keepaliveTimeoutMs: 20 });
  await clock.advance(60);
  life.heard();
  await clock.advance(99);
  assert.deepEqual(journal, []);
  await clock.advance(2);
  assert.deepEqual(journal, ["ping 160"]);
  life.heard(); // the answer
  await clock.advance(200);
  assert.deepEqual(journal, ["ping 160", "ping 261", "close 281"]);
});

Deno.test("a connection without streams ends after a while, one with streams does not", async () => {
  const { clock, journal, owner, life } = aLife({ keepaliveMs: 0, idleMs: 100 });
  owner.streamCount = 1;
  await clock.advance(350);
  assert.deepEqual(journal, []);
  owner.streamCount = 0;
  life.fellIdle();
  await clock.advance(99);
  assert.deepEqual(journal, []);
  await clock.advance(101);
  assert.deepEqual(journal.length, 1);
  assert.match(journal[0]!, /^stop/);
});

Deno.test("a connection takes no new streams when it is old, and ends after a grace", async () => {
  const { clock, journal, owner } = aLife({ keepaliveMs: 0, ageMs: 100, ageGraceMs: 50 });
  owner.streamCount = 3;
  await clock.advance(1000);
  assert.deepEqual(journal, ["stop 100", "close 150"]);
});

Deno.test("nothing is due where nothing was asked for, nor after the end", async () => {
  const never = aLife({ keepaliveMs: 0 });
  await never.clock.advance(1e9);
  assert.deepEqual(never.journal, []);
  const ended = aLife({ keepaliveMs: 10, idleMs: 10, ageMs: 10 });
  ended.life.end();
  await ended.clock.advance(1000);
  assert.deepEqual(ended.journal, []);
});

Deno.test("who pings too often is told to calm down, unless something is sent in between", async () => {
  const { clock, life, owner } = aLife({ pingIntervalMinMs: 100, canPingWithoutStreams: false });
  owner.streamCount = 1;
  for (let i = 0; i < 10; i++) {
    await clock.advance(100);
    life.pinged();
  }
  for (let i = 0; i < 10; i++) {
    life.answered();
    life.pinged();
  }
  life.pinged();
  assert.throws(() => life.pinged(), { message: "too_many_pings" });
  const idle = aLife({ pingIntervalMinMs: 100, canPingWithoutStreams: false });
  idle.life.pinged();
  await idle.clock.advance(1000);
  idle.life.pinged();
  await idle.clock.advance(1000);
  idle.life.pinged();
  await idle.clock.advance(1000);
  assert.throws(() => idle.life.pinged(), { message: "too_many_pings" });
});
