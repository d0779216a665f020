import assert from "node:assert/strict";
import fc from "fast-check";
import { Exchange } from "./exchange.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";
import { type Entry, ReplicatedMap } from "./replicated_map.ts";
import { Rumors, timesToTell } from "./rumors.ts";

const options = (name: string) => ({ name, retransmitFactor: 2, rumorBytesMax: 8192 });
const overWire = (message: Message) => decodeMessage(encodeMessage(message));

function member(name: string, entries: Record<string, Entry> = {}) {
  const map = new ReplicatedMap();
  for (const [id, entry] of Object.entries(entries)) map.merge(id, entry);
  // What was there before is no rumor.
  return { map, exchange: new Exchange(map, options(name)) };
}

type Member = ReturnType<typeof member>;

function meet(a: Member, b: Member, isFull: boolean): void {
  const wanted = a.exchange.conclude(
    overWire(b.exchange.answer(overWire(a.exchange.open(isFull)))),
  );
  if (wanted !== undefined) a.exchange.conclude(overWire(b.exchange.answer(overWire(wanted))));
}

const contents = ({ map }: Member) => [...map.entries()].sort(([x], [y]) => x < y ? -1 : 1);

Deno.test("after one full exchange both have the newest of everything", () => {
  const entry = fc.record({ timestampMs: fc.nat(9), rank: fc.nat(3), value: fc.constant("{}") }, {
    noNullPrototype: true,
  });
  const entries = fc.dictionary(fc.constantFrom("i/a", "i/b", "i/c", "p/1", "p/2", "o/a"), entry);
  fc.assert(fc.property(entries, entries, (ours, theirs) => {
    const [a, b] = [member("a", ours), member("b", theirs)];
    meet(a, b, true);
    assert.deepEqual(contents(a), contents(b));
    const merged = member("c", ours);
    for (const [id, entry] of Object.entries(theirs)) merged.map.merge(id, entry);
    assert.deepEqual(contents(a), contents(merged));
  }));
});

Deno.test("heartbeats cross between members that know the same, in both directions", () => {
  const entries = { "i/a": aLive(), "i/b": aLive(), "i/c": aLive() };
  const [a, b] = [member("a", entries), member("b", entries)];
  a.map.mergeBeat("i/a", 100);
  a.map.mergeBeat("i/c", 90);
  b.map.mergeBeat("i/b", 101);
  b.map.mergeBeat("i/c", 95);
  meet(a, b, false);
  for (const { map } of [a, b]) {
    assert.deepEqual(map.beating.map((id) => map.beat(id)), [100, 101, 95]);
  }
});

Deno.test("heartbeats do not cross between members that differ: a place would mean another id", () => {
  const a = member("a", { "i/a": aLive(), "i/b": aLive() });
  const b = member("b", { "i/b": aLive(), "i/c": aLive() });
  a.map.mergeBeat("i/b", 50);
  meet(a, b, false);
  assert.equal(b.map.beat("i/c"), 0);
});

Deno.test("a change is told as often as it takes, the least told first, within the bytes", () => {
  const rumors = new Rumors();
  rumors.add("old");
  for (let i = 0; i < 3; i++) rumors.take(1000, 2, 100, () => 10);
  rumors.add("new");
  assert.deepEqual(rumors.take(1000, 2, 15, () => 10), ["new"]);
  for (let i = 0; i < 100; i++) rumors.take(1000, 2, 100, () => 10);
  assert.equal(rumors.size, 0);
  assert.equal(timesToTell(1000, 2), 22);
});

function aLive(): Entry {
  return { timestampMs: 1, rank: 1, value: "{}" };
}
