// list compaction-summary: how far compaction has come, level by level.

import { type Command, EXIT, TENANTS } from "./command.ts";
import { listTenants } from "./listed_blocks.ts";
import { age, bytes, count, figure, table } from "./table.ts";

interface Level {
  readonly tenant: string;
  readonly level: number;
  readonly blocks: number;
  readonly traces: number;
  readonly sizeBytes: number;
  readonly smallestBytes: number;
  readonly largestBytes: number;
  readonly newestEnd: string;
  readonly oldestEnd: string;
}

export const listCompactionSummary: Command = {
  name: "list compaction-summary",
  summary: "live blocks by compaction level: how many, how large, how old",
  args: [TENANTS],
  flags: [],
  async run(call) {
    const levels: Level[] = [];
    const waiting: { tenant: string; compacted: number; compactedBytes: number }[] = [];
    for (const [tenant, blocks] of await listTenants(call)) {
      const metas = blocks.flatMap(({ state, meta }) => state === "live" && meta ? [meta] : []);
      const byLevel = [...Map.groupBy(metas, ({ compactionLevel }) => compactionLevel)];
      for (const [level, metas] of byLevel.sort(([a], [b]) => a - b)) {
        const sizes = metas.map(({ size }) => size);
        levels.push({
          tenant,
          level,
          blocks: metas.length,
          traces: metas.reduce((sum, { totalObjects }) => sum + totalObjects, 0),
          sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
          smallestBytes: Math.min(...sizes),
          largestBytes: Math.max(...sizes),
          newestEnd: metas[0]!.endTime,
          oldestEnd: metas.at(-1)!.endTime,
        });
      }
      const retired = blocks.filter(({ state }) => state === "compacted" || state === "replaced");
      const compactedBytes = retired.reduce((sum, { objectsBytes }) => sum + objectsBytes, 0);
      waiting.push({ tenant, compacted: retired.length, compactedBytes });
    }
    if (call.isJson) {
      call.output.json({ levels, retired: waiting });
      return EXIT.done;
    }
    const nowMs = call.runtime.clock.now();
    const since = (end: string) => age(nowMs - Date.parse(end));
    call.output.text(table(
      [
        "TENANT",
        ...["LEVEL", "BLOCKS", "TRACES", "SIZE", "AVERAGE", "SMALLEST", "LARGEST"].map(figure),
        ...["NEWEST", "OLDEST"].map(figure),
      ],
      levels.map((level) => [
        level.tenant,
        String(level.level),
        count(level.blocks),
        count(level.traces),
        bytes(level.sizeBytes),
        bytes(level.sizeBytes / level.blocks),
        bytes(level.smallestBytes),
        bytes(level.largestBytes),
        since(level.newestEnd),
        since(level.oldestEnd),
      ]),
    ));
    for (const { tenant, compacted, compactedBytes } of waiting) {
      if (compacted === 0) continue;
      call.output.line(`${tenant}: ${count(compacted)} retired, ${bytes(compactedBytes)}`);
    }
    return EXIT.done;
  },
};
