import assert from "node:assert/strict";
import { componentsOf, kindOf } from "./components.ts";

Deno.test("target all has every component, a list of targets what it names", () => {
  assert.ok(Object.values(componentsOf(["all"])).every((has) => has));
  const { distributor, liveStore, querier, frontend } = componentsOf(["live-store", "querier"]);
  assert.deepEqual([distributor, liveStore, querier, frontend], [false, true, true, false]);
});

Deno.test("on the embedded log a set that would leave it unread is refused", () => {
  assert.equal(kindOf(["all"], ""), "embedded");
  assert.equal(kindOf(["live-store", "block-builder", "querier"], ""), "embedded");
  assert.throws(() => kindOf(["distributor"], ""), /lacks live-store and block-builder/);
  assert.throws(() => kindOf(["backend-worker", "querier"], ""), /lacks live-store/);
});

Deno.test("on a topic each of those who have to do with spans is a process of a fleet", () => {
  for (const target of ["distributor", "live-store", "block-builder", "querier"] as const) {
    assert.equal(kindOf([target], "spans"), "fleet");
  }
  assert.equal(kindOf(["query-frontend", "backend-scheduler"], "spans"), "fleet");
  assert.equal(kindOf(["all"], "spans"), "fleet");
  assert.equal(kindOf(["metrics-generator"], "spans"), "fleet");
});

Deno.test("those who look after blocks may be processes of their own, whatever the log", () => {
  assert.equal(kindOf(["backend-scheduler"], "spans"), "backend");
  assert.equal(kindOf(["backend-worker"], ""), "backend");
});
