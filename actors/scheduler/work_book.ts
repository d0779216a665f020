// The scheduler's memory: what it knows, on disk before anybody hears of it, and copied to the bucket
// now and then.
// Rules: the newer of journal and copy counts; a damaged one is set aside loudly, and the other, or the
// bucket's blocks, are enough to go on; leases begin anew, for nobody could be heard meanwhile.
import { CorruptionError } from "../../lib/errors.ts";
import type { Directory } from "../../lib/fs.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import type { SchedulerMetrics } from "./scheduler_metrics.ts";
import { WorkJournal } from "./work_journal.ts";
import { readMirror, writeMirror } from "./work_mirror.ts";
import { type WorkEvent, WorkState } from "./work_state.ts";

export class WorkBook implements AsyncDisposable {
  #mirrored = -1;

  private constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly store: ObjectStore,
    readonly journal: WorkJournal,
    readonly state: WorkState,
    readonly metrics: SchedulerMetrics,
  ) {}

  static async open(
    runtime: Pick<Runtime, "clock" | "log">,
    directory: Directory,
    store: ObjectStore,
    metrics: SchedulerMetrics,
    signal: AbortSignal,
  ): Promise<WorkBook> {
    await using stack = new AsyncDisposableStack();
    const { journal, state: local, damage } = await WorkJournal.open(directory);
    stack.use(journal);
    for (const file of damage) {
      metrics.damage.inc();
      runtime.log.error("the scheduler's state is damaged, it is set aside", { file });
    }
    const copy = await copyIn(runtime, store, metrics, signal);
    const state = copy !== undefined && copy.sequence > local.sequence ? copy : local;
    for (const { lease } of state.open()) {
      if (lease !== undefined) lease.heardMs = runtime.clock.now();
    }
    await journal.begin(state);
    stack.move();
    return new WorkBook(runtime, store, journal, state, metrics);
  }

  /** Resolves when the events survive a crash, and hold. */
  async record(...events: WorkEvent[]): Promise<void> {
    if (events.length === 0) return;
    if (this.journal.isLong) await this.journal.begin(this.state);
    await this.journal.append(events);
    for (const event of events) this.state.apply(event);
  }

  async mirror(signal: AbortSignal): Promise<void> {
    const { sequence } = this.state;
    if (sequence === this.#mirrored) return;
    try {
      this.metrics.fileBytes.observe(await writeMirror(this.store, this.state, signal));
      this.metrics.flushes.inc();
      this.#mirrored = sequence;
    } catch (error) {
      this.metrics.flushesFailed.inc();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.journal[Symbol.asyncDispose]();
  }
}

async function copyIn(
  runtime: Pick<Runtime, "log">,
  store: ObjectStore,
  metrics: SchedulerMetrics,
  signal: AbortSignal,
): Promise<WorkState | undefined> {
  try {
    return await readMirror(store, signal);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    metrics.damage.inc();
    runtime.log.warn("the copy of the scheduler's state in the bucket is passed over", {
      error: error.message,
    });
  }
}
