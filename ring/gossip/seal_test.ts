import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { sealOfAnswer, Seals } from "./seal.ts";

const START_MS = 1_767_268_800_000;
const MESSAGE = Uint8Array.of(1, 2, 3);
const knowing = (secret: string, formerSecret = "", clock = new SimulatedClock(START_MS)) =>
  new Seals(clock, { secret, formerSecret });

Deno.test("an ask is proved by who knows the secret, for that label, message and time", () => {
  const seals = knowing("a");
  const seal = seals.ofAsk("blue", MESSAGE)!;
  assert.equal(seals.secretOfAsk("blue", seal, MESSAGE), "a");
  assert.equal(knowing("b").secretOfAsk("blue", seal, MESSAGE), undefined);
  assert.equal(seals.secretOfAsk("green", seal, MESSAGE), undefined);
  assert.equal(seals.secretOfAsk("blue", seal, Uint8Array.of(1, 2, 4)), undefined);
  const later = seal.replace(/^\d+/, String(START_MS + 1));
  assert.equal(seals.secretOfAsk("blue", later, MESSAGE), undefined);
  for (const garbage of [null, "", "x", `${START_MS}.`, `${START_MS}.${"0".repeat(64)}`]) {
    assert.equal(seals.secretOfAsk("blue", garbage, MESSAGE), undefined, `${garbage}`);
  }
});

Deno.test("an ask that is minutes old, or ahead, proves nothing", async () => {
  const clock = new SimulatedClock(START_MS);
  const seals = knowing("a", "", clock);
  const seal = seals.ofAsk("", MESSAGE)!;
  await clock.advance(300_000);
  assert.equal(seals.secretOfAsk("", seal, MESSAGE), "a");
  await clock.advance(1);
  assert.equal(seals.secretOfAsk("", seal, MESSAGE), undefined);
  const ahead = knowing("a", "", new SimulatedClock(clock.now() + 300_001)).ofAsk("", MESSAGE)!;
  assert.equal(seals.secretOfAsk("", ahead, MESSAGE), undefined);
});

Deno.test("an answer is that to one ask, and to no other", () => {
  const seals = knowing("a");
  const [one, other] = [seals.ofAsk("x", MESSAGE)!, seals.ofAsk("y", MESSAGE)!];
  const seal = sealOfAnswer("a", one, MESSAGE)!;
  assert.ok(seals.isAnswer(one, seal, MESSAGE));
  assert.ok(!seals.isAnswer(other, seal, MESSAGE));
  assert.ok(!seals.isAnswer(one, seal, Uint8Array.of(1)));
  assert.ok(!seals.isAnswer(one, null, MESSAGE));
  assert.ok(!seals.isAnswer(one, one.split(".")[1]!, MESSAGE), "the ask itself is no answer");
});

Deno.test("a secret is changed member by member: the former one is accepted, and answered in", () => {
  const [old, both] = [knowing("old"), knowing("new", "old")];
  const asked = old.ofAsk("", MESSAGE)!;
  assert.equal(both.secretOfAsk("", asked, MESSAGE), "old");
  assert.ok(old.isAnswer(asked, sealOfAnswer("old", asked, MESSAGE)!, MESSAGE));
  const asking = both.ofAsk("", MESSAGE)!;
  assert.ok(both.isAnswer(asking, sealOfAnswer("new", asking, MESSAGE)!, MESSAGE));
  assert.ok(both.isAnswer(asking, sealOfAnswer("old", asking, MESSAGE)!, MESSAGE));
});

Deno.test("without a secret nothing is proved and everything accepted", () => {
  const seals = knowing("");
  assert.equal(seals.ofAsk("", MESSAGE), undefined);
  assert.equal(seals.secretOfAsk("", null, MESSAGE), "");
  assert.equal(sealOfAnswer("", null, MESSAGE), undefined);
  assert.ok(seals.isAnswer(undefined, null, MESSAGE));
});

Deno.test("no bytes of label and message that run together have the same seal", () => {
  const seals = knowing("a");
  const some = fc.tuple(fc.string(), fc.uint8Array({ maxLength: 4 }));
  fc.assert(fc.property(some, some, ([a, x], [b, y]) => {
    const isSame = a === b && x.toHex() === y.toHex();
    assert.equal(seals.secretOfAsk(b, seals.ofAsk(a, x)!, y) === "a", isSame);
  }));
});
