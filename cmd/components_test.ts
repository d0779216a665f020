import assert from "node:assert/strict";
import { componentsOf } from "./components.ts";

Deno.test("target all has every component", () => {
  assert.deepEqual(componentsOf(["all"], ""), {
    distributor: true,
    partitions: true,
    query: true,
    scheduler: true,
    worker: true,
  });
});

Deno.test("a list of targets has what it names", () => {
  const { distributor, query } = componentsOf(["live-store", "block-builder", "querier"], "");
  assert.equal(distributor, false);
  assert.equal(query, true);
});

Deno.test("a set that would leave the embedded log unread is refused", () => {
  assert.throws(() => componentsOf(["distributor"], ""), /lacks live-store and block-builder/);
});

Deno.test("a Kafka topic is refused by name", () => {
  assert.throws(() => componentsOf(["all"], "spans"), /ingest\.kafka\.topic is "spans"/);
});

Deno.test("those who look after blocks may be processes of their own, whatever the log", () => {
  const { scheduler, worker, partitions } = componentsOf(["backend-scheduler"], "spans");
  assert.deepEqual([scheduler, worker, partitions], [true, false, false]);
  assert.equal(componentsOf(["backend-worker"], "").worker, true);
  assert.throws(() => componentsOf(["backend-worker", "querier"], ""), /lacks live-store/);
  assert.throws(
    () => componentsOf(["backend-worker", "metrics-generator"], ""),
    /lacks live-store/,
  );
});
