import assert from "node:assert/strict";
import type { BlockMeta } from "../model/block_meta.ts";
import { planRetention } from "./retention.ts";

const NOW_MS = 1_767_268_800_000;
const HOUR_MS = 3_600_000;
const rules = { liveMs: 336 * HOUR_MS, compactedMs: HOUR_MS };
const timeAt = (hoursAgo: number) => new Date(NOW_MS - hoursAgo * HOUR_MS).toISOString();
const live = (hoursAgo: number) =>
  ({ blockID: `live ${hoursAgo}`, endTime: timeAt(hoursAgo) }) as BlockMeta;
const compacted = (hoursAgo: number | undefined) =>
  ({
    blockID: `compacted ${hoursAgo}`,
    endTime: timeAt(400),
    ...(hoursAgo === undefined ? {} : { compactedTime: timeAt(hoursAgo) }),
  }) as BlockMeta;

function planned(
  liveBlocks: BlockMeta[],
  compactedBlocks: BlockMeta[],
  changes = {},
  seenHoursAgo = 0,
) {
  const seenMs = () => NOW_MS - seenHoursAgo * HOUR_MS;
  const all = { ...rules, ...changes };
  const { expired, deletable } = planRetention(liveBlocks, compactedBlocks, all, NOW_MS, seenMs);
  return [...expired, ...deletable].map(({ blockID }) => blockID);
}

Deno.test("a live block expires by its end, never where retention is 0", () => {
  assert.deepEqual(planned([live(0), live(335), live(336), live(337)], []), ["live 337"]);
  assert.deepEqual(planned([live(1e6)], [], { liveMs: 0 }), []);
});

Deno.test("a compacted block is deleted an hour after it was compacted, not after its end", () => {
  assert.deepEqual(planned([], [compacted(0.5), compacted(1), compacted(1.1)]), ["compacted 1.1"]);
});

Deno.test("where nobody wrote when, or a clock was ahead, it counts from when it was first seen", () => {
  for (const block of [compacted(undefined), compacted(-5)]) {
    assert.deepEqual(planned([], [block], {}, 0.9), []);
    assert.deepEqual(planned([], [block], {}, 1.1), [block.blockID]);
  }
});
