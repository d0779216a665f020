import assert from "node:assert/strict";
import fc from "fast-check";
import { blocksOf, type Job, type RedactionWish } from "./job.ts";
import { isOpen, type WorkEvent, WorkState } from "./work_state.ts";

export const wish: RedactionWish = {
  traceIds: ["0".repeat(32)],
  query: "",
  mode: "apply",
  startSeconds: 0,
  endSeconds: 0,
  requestedBy: "",
};

function job(id: string, ...inputs: string[]): Job {
  return { id, tenant: "acme", detail: { kind: "compaction", inputs } };
}

function stateOf(...events: WorkEvent[]): WorkState {
  const state = new WorkState();
  events.forEach((event) => state.apply(event));
  return state;
}

const created = (id: string, ...inputs: string[]): WorkEvent => ({
  type: "job_created",
  job: job(id, ...inputs),
  atMs: 1,
});
const given: WorkEvent = { type: "job_given", id: "1", worker: "w", leaseMs: 10, atMs: 2 };

Deno.test("a job waits, is given out, and ends; its blocks are busy until then", () => {
  const state = stateOf(created("1", "a", "b"));
  assert.equal(state.jobOf("acme", "a"), "1");
  assert.equal(state.jobOf("other", "a"), undefined);
  state.apply(given);
  assert.deepEqual(state.jobs.get("1")!.lease, { worker: "w", leaseMs: 10, heardMs: 2 });
  state.apply({ type: "job_taken_back", id: "1" });
  assert.equal(state.jobs.get("1")!.state, "pending");
  state.apply({ ...given, worker: "v", atMs: 5 });
  const { attempts, begunMs } = state.jobs.get("1")!;
  assert.deepEqual([attempts, begunMs], [2, 2]);
  state.apply({ type: "job_ended", id: "1", state: "succeeded", atMs: 9, outputs: ["c"] });
  assert.equal(state.jobOf("acme", "a"), undefined);
  assert.deepEqual(state.open(), []);
  state.apply({ type: "job_ended", id: "1", state: "failed", atMs: 10 });
  assert.equal(state.jobs.get("1")!.state, "succeeded", "what has ended stays as it is");
  state.apply({ type: "forgotten", endedBeforeMs: 9 });
  assert.equal(state.jobs.size, 1);
  state.apply({ type: "forgotten", endedBeforeMs: 10 });
  assert.equal(state.jobs.size, 0);
});

Deno.test("a batch counts what was found, and forgets the blocks when it is closed", () => {
  const state = stateOf({ type: "batch_opened", id: "b", tenant: "acme", wish, atMs: 1 });
  assert.equal(state.openBatch("acme")?.id, "b");
  state.apply({
    type: "batch_looked",
    id: "b",
    generation: 0,
    lookMs: 9,
    jobs: 3,
    passedOver: 1,
  });
  state.apply({ type: "batch_examined", id: "b", blockIds: ["x", "y"], traces: 2, spans: 5 });
  state.apply({ type: "batch_open_end", id: "b", error: "damaged" });
  const batch = state.batches.get("b")!;
  assert.deepEqual(
    [batch.traces, batch.spans, batch.openEnds, batch.jobs, batch.error, [...batch.examined]],
    [2, 5, 4, 3, "damaged", ["x", "y"]],
  );
  state.apply({ type: "batch_closed", id: "b", state: "done", atMs: 20 });
  assert.equal(state.openBatch("acme"), undefined);
  assert.equal(batch.examined.size, 0);
});

export const someEvent: fc.Arbitrary<WorkEvent> = (() => {
  const id = fc.constantFrom("1", "2", "3");
  const blocks = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  const atMs = fc.nat(100);
  return fc.oneof(
    fc.record({
      type: fc.constant("job_created" as const),
      job: fc.tuple(id, blocks).map(([id, inputs]) => job(id, ...inputs)),
      atMs,
    }),
    fc.record({
      type: fc.constant("job_given" as const),
      id,
      worker: fc.constantFrom("v", "w"),
      leaseMs: fc.nat(50),
      atMs,
    }),
    fc.record({ type: fc.constant("job_taken_back" as const), id }),
    fc.record({
      type: fc.constant("job_ended" as const),
      id,
      state: fc.constantFrom("succeeded" as const, "failed" as const, "dropped" as const),
      atMs,
      error: fc.string(),
    }),
    fc.record({ type: fc.constant("forgotten" as const), endedBeforeMs: atMs }),
    fc.record({
      type: fc.constant("batch_opened" as const),
      id,
      tenant: fc.constantFrom("acme", "other"),
      wish: fc.constant(wish),
      atMs,
    }),
    fc.record({
      type: fc.constant("batch_examined" as const),
      id,
      blockIds: blocks,
      traces: fc.nat(3),
      spans: fc.nat(9),
    }),
    fc.record({
      type: fc.constant("batch_closed" as const),
      id,
      state: fc.constantFrom("done" as const, "given_up" as const),
      atMs,
    }),
  );
})();

/** As the scheduler would write them: no job of a block that is in one. */
function allowed(state: WorkState, event: WorkEvent): boolean {
  return event.type !== "job_created" ||
    blocksOf(event.job).every((id) => state.jobOf(event.job.tenant, id) === undefined);
}

Deno.test("a checkpoint anywhere and the events after it are the same state, whatever happened", () => {
  fc.assert(fc.property(fc.array(someEvent, { maxLength: 40 }), fc.nat(), (events, cut) => {
    const whole = new WorkState();
    const taken = events.filter((event) => {
      if (!allowed(whole, event)) return false;
      whole.apply(event);
      return true;
    });
    const at = cut % (taken.length + 1);
    const before = stateOf(...taken.slice(0, at));
    const after = WorkState.from(JSON.parse(JSON.stringify(before.toSnapshot())));
    taken.slice(at).forEach((event) => after.apply(event));
    assert.deepEqual(after.toSnapshot(), whole.toSnapshot());
    const busy = whole.open().flatMap(({ job }) => blocksOf(job));
    assert.equal(new Set(busy).size, busy.length, "no block is in two open jobs");
    for (const record of whole.jobs.values()) {
      for (const id of blocksOf(record.job)) {
        if (isOpen(record)) assert.equal(after.jobOf("acme", id), record.job.id);
      }
    }
    for (const id of ["a", "b", "c", "d"]) {
      assert.equal(after.jobOf("acme", id), whole.jobOf("acme", id));
    }
  }));
});
