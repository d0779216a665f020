import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { type AskOwner, covering, type OwnedPartition } from "./covering.ts";

const never = new AbortController().signal;

/** "0:ab 1:b" is partition 0 of owners a and b, and partition 1 of b. */
const owned = (text: string): OwnedPartition[] =>
  text.split(" ").map((one) => {
    const [partition, ids = ""] = one.split(":");
    const owners = [...ids].map((id) => ({ id, address: id, zone: "z" }));
    return { partition: Number(partition), owners };
  });

/** Answers after so long with the name and the partitions, or fails. */
class Owners {
  readonly clock = new SimulatedClock();
  readonly asked: string[] = [];
  readonly stopped: string[] = [];
  hedges = 0;

  constructor(readonly does: Readonly<Record<string, number | Error>>) {}

  readonly ask: AskOwner<string> = ({ id }, partitions, signal) => {
    const name = `${id}${partitions.join("")}`;
    this.asked.push(name);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => {
      this.stopped.push(name);
      reject(signal.reason);
    });
    const does = this.does[id]!;
    if (does instanceof Error) reject(does);
    else if (does < Infinity) this.clock.setTimeout(() => resolve(name), does);
    return promise;
  };

  cover(text: string, signal = never): Promise<string[]> {
    const options = { hedgingDelayMs: 100, hedged: () => this.hedges++ };
    return covering(this.clock, owned(text), options, this.ask, signal);
  }
}

const away = (name: string) => new UnavailableError(`${name} is away`);

Deno.test("the best owners answer, each once for all of its partitions", async () => {
  const owners = new Owners({ a: 10, b: 20, c: 1 });
  const covered = owners.cover("0:ac 1:ba 2:ab");
  await owners.clock.advance(20);
  assert.deepEqual((await covered).sort(), ["a02", "b1"]);
  assert.deepEqual(owners.asked, ["a02", "b1"]);
  assert.equal(owners.hedges, 0);
});

Deno.test("who fails is replaced at once, partition by partition", async () => {
  const owners = new Owners({ a: away("a"), b: 5, c: 5 });
  const covered = owners.cover("0:ab 1:ac");
  await owners.clock.advance(5);
  assert.deepEqual((await covered).sort(), ["b0", "c1"]);
  assert.equal(owners.hedges, 0);
});

Deno.test("who is slow has the next asked too; whichever answers first counts alone", async () => {
  const owners = new Owners({ a: 150, b: 20, c: 80 });
  const covered = owners.cover("0:ab 1:ac");
  await owners.clock.advance(99);
  assert.deepEqual(owners.asked, ["a01"]);
  await owners.clock.advance(51);
  // The next owners have answered for one of both, which is not enough.
  assert.deepEqual(await covered, ["a01"]);
  assert.deepEqual(owners.asked, ["a01", "b0", "c1"]);
  assert.ok(owners.stopped.includes("c1"));
  assert.equal(owners.hedges, 1);

  const other = new Owners({ a: Infinity, b: 20, c: 80 });
  const second = other.cover("0:ab 1:ac");
  await other.clock.advance(180);
  assert.deepEqual((await second).sort(), ["b0", "c1"]);
  assert.ok(other.stopped.includes("a01"));
});

Deno.test("a partition that nobody answers for is named, and the others are stopped", async () => {
  const owners = new Owners({ a: away("a"), b: away("b"), c: Infinity });
  await assert.rejects(owners.cover("7:ab 8:c"), {
    name: "UnavailableError",
    message: "nobody answers for partition 7: a is away; b is away",
  });
  assert.ok(owners.stopped.includes("c8"));
  await assert.rejects(owners.cover("3: 4:a"), {
    message: "nobody answers for partition 3: it has no owner that can be asked",
  });
});

Deno.test("what is wrong with the question is asked of nobody else", async () => {
  const owners = new Owners({ a: new InputError("invalid_argument", "no query"), b: 1 });
  await assert.rejects(owners.cover("0:ab"), { message: "no query" });
  assert.deepEqual(owners.asked, ["a0"]);
});

Deno.test("who asked can stop", async () => {
  const owners = new Owners({ a: Infinity, b: Infinity });
  const stop = new AbortController();
  const covered = owners.cover("0:ab 1:b", stop.signal);
  await owners.clock.advance(100);
  stop.abort(new Error("gone"));
  await assert.rejects(covered, { message: "gone" });
  assert.deepEqual(owners.stopped.sort(), ["a0", "b0", "b1"]);
});

Deno.test("whoever fails or hangs: each partition counts once, or the question fails", async () => {
  const ids = ["a", "b", "c", "d"];
  const world = fc.record({
    does: fc.tuple(...ids.map(() => fc.oneof(fc.nat(400), fc.constantFrom(Infinity, "away")))),
    owners: fc.array(fc.shuffledSubarray(ids), { minLength: 1, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ does, owners }) => {
      const behaviours = Object.fromEntries(
        ids.map((id, i) => [id, does[i] === "away" ? away(id) : does[i] as number]),
      );
      const all = new Owners(behaviours);
      const covered = all.cover(owners.map((ids, i) => `${i}:${ids.join("")}`).join(" "))
        .then((names) => names, (error) => error as Error);
      let result: string[] | Error | undefined;
      void covered.then((one) => result = one);
      await all.clock.advance(2_000);
      const canAnswer = (id: string) => typeof behaviours[id] === "number" && behaviours[id] < 1e9;
      if (Array.isArray(result)) {
        const partitions = result.flatMap((name) => [...name.slice(1)].map(Number)).sort();
        assert.deepEqual(partitions, owners.map((_, i) => i));
        assert.ok(result.every((name) => canAnswer(name[0]!)));
      } else {
        // Some partition has nobody who could, or its owner is waited for and nobody else is there.
        assert.ok(owners.some((ids) => !ids.some(canAnswer)), String(result));
      }
    }),
    { numRuns: 200 },
  );
});
