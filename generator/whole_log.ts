// All partitions of a log that nobody else reads, as long as somebody wants metrics.
// Rule: where nobody wants them nothing is read; who begins to want them has them of spans from then on.
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { LogReader } from "../wal/mod.ts";
import type { PartitionShare, ShareHolder } from "./share.ts";

const LOOK_EVERY_MS = 1_000;

export class WholeLog implements PartitionShare {
  constructor(
    readonly runtime: Pick<Runtime, "clock">,
    readonly log: Pick<LogReader, "partitions" | "commit">,
    readonly group: string,
    readonly isWanted: () => boolean,
  ) {}

  async run(holder: ShareHolder, signal: AbortSignal): Promise<void> {
    let has = false;
    while (!signal.aborted) {
      if (this.isWanted() !== has) {
        has = !has;
        if (has) holder.take(this.log.partitions);
        else await holder.giveUp();
      }
      await sleep(this.runtime.clock, LOOK_EVERY_MS, signal);
    }
    await holder.giveUp();
  }

  async commit(nextOffsets: ReadonlyMap<number, number>): Promise<void> {
    for (const [partition, offset] of nextOffsets) {
      await this.log.commit(this.group, partition, offset);
    }
  }
}
