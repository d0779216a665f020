import assert from "node:assert/strict";
import { MultipleErrors, NetworkError, ProtocolError } from "@platformatic/kafka";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { isCausedBy, kafkaError, saidBy } from "./kafka_errors.ts";

Deno.test("what the broker said is found below all attempts", () => {
  const refused = new Error("connect ECONNREFUSED 127.0.0.1:9092");
  const first = new NetworkError("Cannot connect to any broker.", { cause: new Error("before") });
  const last = new NetworkError("Cannot connect to any broker.", { cause: refused });
  const error = new MultipleErrors("metadata failed 2 times.", [first, last]);
  assert.equal(saidBy(error), "connect ECONNREFUSED 127.0.0.1:9092");
  const told = kafkaError(error, "topic spans");
  assert.ok(told instanceof UnavailableError);
  assert.equal(told.message, "kafka: topic spans: connect ECONNREFUSED 127.0.0.1:9092");
  assert.equal(told.cause, error);
});

Deno.test("missing rights are the caller's fault, everything else is weather", () => {
  const denied = new MultipleErrors("produce failed", [new ProtocolError(29)]);
  assert.ok(isCausedBy(denied, "TOPIC_AUTHORIZATION_FAILED"));
  const told = kafkaError(denied, "append");
  assert.ok(told instanceof InputError);
  assert.equal(told.message, "kafka: append: TOPIC_AUTHORIZATION_FAILED");
  assert.ok(kafkaError(new ProtocolError(6), "append") instanceof UnavailableError);
  assert.equal(isCausedBy(new Error("other"), "TOPIC_AUTHORIZATION_FAILED"), false);
});
