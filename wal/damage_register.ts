// Damage found in segments: logged with file and byte, counted once per file, and marked by a file
// beside the segment, which is kept and goes on serving what is true in it.
import { CorruptionError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";
import type { Logger } from "../lib/log.ts";
import type { LogDamage } from "./durable_state.ts";
import type { LogMetrics } from "./log_metrics.ts";
import { damageName, type Stretch } from "./segment_head.ts";

export class DamageRegister {
  readonly #directory: Directory;
  readonly #log: Logger;
  readonly #metrics: LogMetrics;
  /** Left unwritten by a crash: not damage. */
  readonly #torn: readonly Stretch[];
  readonly #known = new Map<number, Set<number>>();
  #marking: Promise<void> = Promise.resolve();

  constructor(
    directory: Directory,
    log: Logger,
    metrics: LogMetrics,
    torn: readonly Stretch[],
  ) {
    this.#directory = directory;
    this.#log = log;
    this.#metrics = metrics;
    this.#torn = torn;
  }

  report(damage: LogDamage): void {
    const { segment, fromByte, toByte, reason, file } = damage;
    const isTorn = this.#torn.some((torn) =>
      torn.segment === segment && torn.fromByte <= fromByte && toByte <= torn.toByte
    );
    const known = this.#known.get(segment);
    if (isTorn || known?.has(fromByte)) return;
    const error = new CorruptionError(reason, fromByte, `${this.#directory.path}/${file}`);
    this.#log.error("a segment is damaged; reading goes on behind it", { error, ...damage });
    if (known !== undefined) {
      known.add(fromByte);
      return;
    }
    this.#known.set(segment, new Set([fromByte]));
    this.#metrics.corruptSegments.inc();
    this.#marking = this.#marking.then(() => this.#mark(segment, error.message));
  }

  /** Before a segment is removed for its age: not without a word if it is damaged. */
  async forget(segment: number): Promise<void> {
    this.#known.delete(segment);
    const name = damageName(segment);
    if (!(await this.#directory.list()).includes(name)) return;
    this.#log.warn("a damaged segment has reached its age and is removed", { segment });
    await this.#directory.remove(name);
  }

  /** Resolves when all marks are written. */
  settle(): Promise<void> {
    return this.#marking;
  }

  async #mark(segment: number, message: string): Promise<void> {
    try {
      const file = await this.#directory.open(damageName(segment), "write");
      try {
        await file.write(new TextEncoder().encode(message + "\n"), 0);
      } finally {
        file.close();
      }
    } catch (error) {
      this.#log.warn("a damaged segment cannot be marked", { error, segment });
    }
  }
}
