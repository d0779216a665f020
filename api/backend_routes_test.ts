// The scheduler over HTTP, as an operator and whoever answers for the data meet it.
import assert from "node:assert/strict";
import { createRuntime } from "../lib/runtime.ts";
import { begin, newWorld, pass, putFour } from "../tests/support/upkeep_world.ts";
import { traceIdOf } from "../tests/support/records.ts";
import { createOpsApi } from "./api.ts";
import { defaultApiOptions, type OpsDeps } from "./options.ts";

const HEADERS = { "X-Scope-OrgID": "acme" };

async function open() {
  const world = newWorld();
  await putFour(world, "acme", 1);
  await putFour(world, "other", 11);
  const life = await begin(world);
  await pass(world.clock, 60_000);
  const deps = {
    readiness: () => [],
    metricsText: () => Promise.resolve(""),
    backend: { actor: life.scheduler, store: world.store },
    buildInfo: {},
  } as unknown as OpsDeps;
  const options = { ...defaultApiOptions, multitenancyEnabled: true };
  const api = createOpsApi(createRuntime(), deps, options);
  const ask = async (path: string, init: RequestInit = {}) => {
    const asked = api.fetch(new Request(`http://localhost${path}`, { headers: HEADERS, ...init }));
    for (let i = 0; i < 5; i++) await pass(world.clock, 40);
    return await asked;
  };
  const post = (body: unknown, headers: Record<string, string> = HEADERS) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return ask("/backend-scheduler/redactions", { method: "POST", body: text, headers });
  };
  return { world, life, ask, post };
}

Deno.test("the status page has tenants, jobs and redactions as tables", async () => {
  const { life, ask } = await open();
  const text = await (await ask("/status/backendscheduler")).text();
  assert.match(text, /^GET \/status\/backendscheduler\ntenants\n\+-/);
  assert.match(text, /\| acme +\| 1 +\| 4 +\| 0 +\| +\|/);
  assert.match(text, /\| other +\| compaction \| succeeded \|/);
  assert.match(text, /redactions\n\+-/);
  await life.stop();
  assert.match(await (await ask("/status/backendscheduler")).text(), /the scheduler is starting/);
});

Deno.test("a redaction is asked for, followed, and its receipts are read, by its tenant alone", async () => {
  const { world, life, ask, post } = await open();
  const traceId = traceIdOf(9).toHex();
  const asked = await post({ traceIds: [traceId], requestedBy: "dpo" });
  assert.equal(asked.status, 202);
  const { batchId, jobsCreated, covers } = await asked.json();
  assert.equal(jobsCreated, 1);
  assert.match(covers, /^blocks; spans that are not in blocks yet/);
  assert.equal((await post({ traceIds: [traceId] })).status, 409);
  await pass(world.clock, 60_000);
  const path = `/backend-scheduler/redactions/${batchId}`;
  const { batch, receipts } = await (await ask(path)).json();
  assert.deepEqual([batch.state, batch.traces, batch.spans, batch.mode], ["open", 1, 3, "apply"]);
  assert.deepEqual(receipts[0].traceIds, [traceId]);
  assert.equal(receipts[0].wish.requestedBy, "dpo");
  const listed = await (await ask("/backend-scheduler/redactions")).json();
  assert.deepEqual(listed, { batches: [batchId] });
  const headers = { "X-Scope-OrgID": "other" };
  assert.equal((await ask(path, { headers })).status, 404);
  const none = await (await ask("/backend-scheduler/redactions", { headers })).json();
  assert.deepEqual(none, { batches: [] });
  await life.stop();
});

Deno.test("a gateway's user is who asks, where nobody else is named", async () => {
  const { world, life, ask, post } = await open();
  const authorization = `Basic ${btoa("ada:secret")}`;
  const asked = await post({ traceIds: [traceIdOf(9).toHex()], dryRun: true }, {
    ...HEADERS,
    authorization,
  });
  const { batchId } = await asked.json();
  await pass(world.clock, 60_000);
  const { receipts } = await (await ask(`/backend-scheduler/redactions/${batchId}`)).json();
  assert.deepEqual([receipts[0].wish.requestedBy, receipts[0].state], ["ada", "found"]);
  assert.ok(!JSON.stringify(receipts).includes("secret"));
  await life.stop();
});

Deno.test("what makes no sense is refused, and nothing is removed", async () => {
  const { life, post, ask } = await open();
  const cases: [unknown, number, RegExp][] = [
    ["{", 400, /not JSON/],
    ["[]", 400, /not a JSON object/],
    [{}, 400, /either trace ids or a query/],
    [{ traceIDs: ["a"] }, 400, /unknown key traceIDs/],
    [{ traceIds: "a" }, 400, /expected traceIds/],
    [{ traceIds: ["a"], dryRun: "yes" }, 400, /expected traceIds/],
    [{ traceIds: ["a"], start: 1.5 }, 400, /expected traceIds/],
    [{ query: "{ span.a != 1 }" }, 400, /redaction's query/],
    [{ traceIds: ["a"], start: 1, end: 2 }, 404, /no blocks/],
  ];
  for (const [body, status, text] of cases) {
    const answer = await post(body);
    assert.equal(answer.status, status, JSON.stringify(body));
    assert.match(await answer.text(), text);
  }
  assert.equal((await post({ traceIds: ["a"] }, {})).status, 401);
  assert.equal((await post({ traceIds: ["a"] }, { "X-Scope-OrgID": "acme|other" })).status, 400);
  assert.equal((await ask("/backend-scheduler/redactions/..%2f..%2fwork.json")).status, 404);
  assert.equal(life.scheduler.scheduler!.book.state.batches.size, 0);
  await life.stop();
});
