import assert from "node:assert/strict";
import { fromError, toError } from "./error_data.ts";
import {
  CorruptionError,
  DeadlineError,
  InputError,
  NotFoundError,
  UnavailableError,
} from "./errors.ts";
import { InvariantError } from "./invariant.ts";

Deno.test("an error that has crossed as JSON is the error it was", () => {
  const errors = [
    new InputError("too_large", "much", { retryAfterMs: 20 }),
    new InputError("not_found", "none"),
    new UnavailableError("later"),
    new DeadlineError("late"),
    new NotFoundError("gone"),
    new CorruptionError("bad", 7),
    new InvariantError("X-1: never"),
    new Error("other"),
  ];
  for (const error of errors) {
    const back = toError(JSON.parse(JSON.stringify(fromError(error))));
    assert.equal(back.constructor, error.constructor);
    assert.equal(back.message, error.message);
    for (const field of ["code", "retryAfterMs", "offset"] as const) {
      assert.equal(Reflect.get(back, field), Reflect.get(error, field));
    }
  }
  assert.equal(toError(fromError("thrown text")).message, "thrown text");
  assert.equal(toError(fromError(new DOMException("", "AbortError"))).name, "AbortError");
});
