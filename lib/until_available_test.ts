import assert from "node:assert/strict";
import { SimulatedClock } from "./clock.ts";
import { InputError, UnavailableError } from "./errors.ts";
import { untilAvailable } from "./until_available.ts";

Deno.test("work is tried until its server is there; a refusal and a stop end it", async () => {
  const clock = new SimulatedClock(0);
  const stop = new AbortController();
  let left = 3;
  const away: string[] = [];
  const work = () => {
    if (left-- > 0) return Promise.reject(new UnavailableError(`${left} left`));
    return Promise.resolve(clock.monotonic());
  };
  const done = untilAvailable(clock, stop.signal, work, ({ message }) => away.push(message));
  await clock.advance(10_000);
  assert.equal(await done, 3_000);
  assert.deepEqual(away, ["2 left", "1 left", "0 left"]);

  const refused = () => Promise.reject(new InputError("invalid_argument", "no"));
  await assert.rejects(untilAvailable(clock, stop.signal, refused, () => {}), InputError);

  left = Infinity;
  const stopped = untilAvailable(clock, stop.signal, work, () => {});
  const rejected = assert.rejects(stopped, /enough/);
  await clock.advance(1_500);
  stop.abort(new Error("enough"));
  await rejected;
});
