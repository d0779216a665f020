import assert from "node:assert/strict";
import fc from "fast-check";
import { compareEntries, type Entry, ReplicatedMap, TOMBSTONE_RANK } from "./replicated_map.ts";

const someEntry: fc.Arbitrary<Entry> = fc.record({
  timestampMs: fc.nat(5),
  rank: fc.constantFrom(0, 1, 2, 3, TOMBSTONE_RANK),
  value: fc.constantFrom("", "a", "b"),
}, { noNullPrototype: true });
const someId = fc.constantFrom("i/a", "i/b", "p/1", "o/x");
type Step = { id: string; entry: Entry } | { id: string; beat: number };
const someSteps = fc.array(
  fc.oneof(
    fc.record({ id: someId, entry: someEntry }),
    fc.record({ id: someId, beat: fc.nat(9) }),
  ) as fc.Arbitrary<Step>,
);

function mapOf(steps: readonly Step[]): ReplicatedMap {
  const map = new ReplicatedMap();
  for (const step of steps) {
    if ("entry" in step) map.merge(step.id, step.entry);
    else map.mergeBeat(step.id, step.beat);
  }
  return map;
}

const contents = (map: ReplicatedMap) => ({
  entries: [...map.entries()].sort(([a], [b]) => a < b ? -1 : 1),
  beats: ["i/a", "i/b", "p/1", "o/x"].map((id) => map.beat(id)),
  hash: map.contentsHash,
  beating: map.beating,
});

Deno.test("merging commutes and is idempotent: order and repetition do not matter", () => {
  fc.assert(
    fc.property(someSteps, fc.infiniteStream(fc.nat()), (steps, chance) => {
      const shuffled = [...steps, ...steps.slice(0, 3)].sort(() =>
        (chance.next().value as number) % 2 === 0 ? 1 : -1
      );
      assert.deepEqual(contents(mapOf(shuffled)), contents(mapOf(steps)));
    }),
  );
});

Deno.test("merging associates: maps that were merged on the way give the same", () => {
  fc.assert(fc.property(someSteps, someSteps, someSteps, (a, b, c) => {
    const into = (target: ReplicatedMap, source: ReplicatedMap) => {
      for (const [id, entry] of source.entries()) target.merge(id, entry);
      for (const id of ["i/a", "i/b", "p/1", "o/x"]) target.mergeBeat(id, source.beat(id));
      return target;
    };
    const left = into(into(mapOf(a), mapOf(b)), mapOf(c));
    const right = into(mapOf(a), into(mapOf(b), mapOf(c)));
    assert.deepEqual(contents(left), contents(right));
  }));
});

Deno.test("entries are in a total order", () => {
  fc.assert(fc.property(someEntry, someEntry, someEntry, (a, b, c) => {
    assert.ok(Math.sign(compareEntries(a, b)) + Math.sign(compareEntries(b, a)) === 0);
    if (compareEntries(a, b) === 0) assert.deepEqual(a, b);
    if (compareEntries(a, b) >= 0 && compareEntries(b, c) >= 0) {
      assert.ok(compareEntries(a, c) >= 0);
    }
  }));
});

Deno.test("of equal timestamps a tombstone wins, then the higher state", () => {
  const map = new ReplicatedMap();
  map.merge("p/1", { timestampMs: 7, rank: 2, value: "x" });
  assert.equal(map.merge("p/1", { timestampMs: 7, rank: 1, value: "z" }), false);
  assert.equal(map.merge("p/1", { timestampMs: 7, rank: 3, value: "a" }), true);
  assert.equal(map.merge("p/1", { timestampMs: 7, rank: TOMBSTONE_RANK, value: "" }), true);
  assert.equal(map.value("p/1"), undefined);
});

Deno.test("a writer with a slow clock is not overruled by what it replaces", () => {
  const map = new ReplicatedMap();
  map.merge("i/a", { timestampMs: 1000, rank: 1, value: "old" });
  const entry = map.write("i/a", 10, 2, "new");
  assert.equal(entry.timestampMs, 1001);
  const other = new ReplicatedMap();
  other.merge("i/a", entry);
  assert.equal(other.merge("i/a", { timestampMs: 1000, rank: 1, value: "old" }), false);
});

Deno.test("two who remove the same write the same tombstone, and its owner may come back", () => {
  const [a, b] = [new ReplicatedMap(), new ReplicatedMap()];
  for (const map of [a, b]) {
    map.merge("i/x", { timestampMs: 5, rank: 1, value: "{}" });
    map.remove("i/x", 600_000);
  }
  assert.deepEqual(a.get("i/x"), b.get("i/x"));
  assert.deepEqual(a.contentsHash, b.contentsHash);
  assert.deepEqual(a.beating, []);
  a.write("i/x", 3, 1, "{}");
  assert.equal(a.value("i/x"), "{}");
  assert.equal(b.merge("i/x", a.get("i/x")!), true);
  a.remove("i/x", 600_000);
  a.forget("i/x");
  assert.equal(a.size, 0);
  assert.deepEqual(a.contentsHash, [0, 0]);
});

Deno.test("a removal is told for its time and then forgotten, and what came back is kept", () => {
  const map = new ReplicatedMap();
  for (const id of ["a", "b", "c"]) map.write(id, 1, 1, "{}");
  map.remove("a", 600_000);
  map.remove("b", 660_001);
  map.remove("c", 600_000);
  map.write("c", 600_001, 1, "{}");
  map.forgetRemovedBefore(659_999);
  assert.equal(map.size, 3, "minutes are counted, and this one is not over");
  map.forgetRemovedBefore(660_000);
  assert.deepEqual([...map.entries()].map(([id]) => id), ["b", "c"]);
  map.forgetRemovedBefore(Infinity);
  assert.deepEqual([...map.entries()].map(([id]) => id), ["c"]);
  const fresh = new ReplicatedMap();
  fresh.merge("c", map.get("c")!);
  assert.deepEqual(map.contentsHash, fresh.contentsHash);
});

Deno.test("listeners hear of changes and of nothing else", () => {
  const map = new ReplicatedMap();
  const heard: string[] = [];
  const stop = map.onChange((id) => heard.push(id));
  map.merge("a", { timestampMs: 1, rank: 0, value: "" });
  map.merge("a", { timestampMs: 1, rank: 0, value: "" });
  map.mergeBeat("a", 4);
  map.write("b", 1, 0, "x");
  map.remove("b", 0);
  stop();
  map.write("b", 9, 0, "y");
  assert.deepEqual(heard, ["a", "b", "b"]);
});
