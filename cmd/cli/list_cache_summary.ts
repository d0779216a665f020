// list cache-summary: what a cache of bloom filters would have to hold, by compaction level and by the
// age of blocks, for `cache_min_compaction_level` and `cache_max_block_age` are set by these.

import { type Command, EXIT, TENANTS } from "./command.ts";
import { listTenants } from "./listed_blocks.ts";
import { bytes, count, figure, table } from "./table.ts";

const DAY_MS = 86_400_000;

export const listCacheSummary: Command = {
  name: "list cache-summary",
  summary: "bloom filters of live blocks by compaction level and age in days",
  args: [TENANTS],
  flags: [],
  async run(call) {
    const nowMs = call.runtime.clock.now();
    const cells = new Map<string, {
      level: number;
      days: number;
      blocks: number;
      bloomShards: number;
      bloomBytes: number;
      footerBytes: number;
    }>();
    for (const blocks of (await listTenants(call)).values()) {
      for (const { state, meta, bloomBytes } of blocks) {
        if (state !== "live" || meta === undefined) continue;
        const days = Math.max(0, Math.floor((nowMs - Date.parse(meta.endTime)) / DAY_MS));
        const level = meta.compactionLevel;
        const key = `${level} ${days}`;
        const cell = cells.get(key) ??
          { level, days, blocks: 0, bloomShards: 0, bloomBytes: 0, footerBytes: 0 };
        cell.blocks++;
        cell.bloomShards += meta.bloomShards;
        cell.bloomBytes += bloomBytes;
        cell.footerBytes += meta.footerSize;
        cells.set(key, cell);
      }
    }
    const rows = [...cells.values()].sort((a, b) => a.level - b.level || a.days - b.days);
    if (call.isJson) {
      call.output.json({ cells: rows });
      return EXIT.done;
    }
    call.output.text(table(
      [...["LEVEL", "DAYS OLD", "BLOCKS", "BLOOMS", "BLOOM BYTES", "FOOTERS"].map(figure)],
      rows.map(({ level, days, blocks, bloomShards, bloomBytes, footerBytes }) => [
        String(level),
        String(days),
        count(blocks),
        count(bloomShards),
        bytes(bloomBytes),
        bytes(footerBytes),
      ]),
    ));
    return EXIT.done;
  },
};
