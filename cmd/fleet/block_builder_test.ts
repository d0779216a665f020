import assert from "node:assert/strict";
import { ConfigSchema } from "../config/schema.ts";
import { assignedPartitions } from "./block_builder.ts";

const known = [0, 1, 2, 3, 4];
function assigned(keys: Record<string, unknown>, instance: string, own?: number) {
  return assignedPartitions(ConfigSchema.parse({ block_builder: keys }), instance, known, own);
}

Deno.test("partitions are shared out by the number in the instance's id", () => {
  const each = { partitions_per_instance: 2 };
  assert.deepEqual(assigned(each, "block-builder-0"), [0, 1]);
  assert.deepEqual(assigned(each, "block-builder-2"), [4]);
  assert.deepEqual(assigned(each, "block-builder-3"), [], "there are more instances than needed");
  assert.throws(() => assigned(each, "block-builder"), /needs a number at the end.*block-builder/);
});

Deno.test("or by name; what nobody could read is refused", () => {
  const byName = { assigned_partitions: { a: [3, 1, 3], b: [0] } };
  assert.deepEqual(assigned(byName, "a"), [1, 3]);
  assert.throws(() => assigned(byName, "c"), /has no "c", but a, b/);
  assert.throws(() => assigned({ assigned_partitions: { a: [5] } }, "a"), /partition 5, the topic/);
});

Deno.test("in one of the two ways, or the partition of the live-store beside it", () => {
  const both = { partitions_per_instance: 1, assigned_partitions: { a: [1] } };
  assert.throws(() => assigned(both, "a"), /are both set/);
  assert.throws(() => assigned({}, "a"), /must be set/);
  assert.deepEqual(assigned({}, "a", 3), [3]);
});
