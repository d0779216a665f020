// deno-lint-ignore-file house/no-ambient-world
// Somebody who asks a fleet steadily while it is changed, by id, by search and for counts over time, and remembers
// whatever was wrong.
// Rule: each question is asked once: a failure is one, and so is an answer with less than was there before.
import type { AckedTrace } from "./fleet_load.ts";
import { findTrace, search } from "./query_client.ts";

export interface QuestionsOptions {
  /** Frontends that are said to be there; they take turns. */
  readonly urls: () => readonly string[];
  readonly acked: () => readonly AckedTrace[];
  /** How long ago something was acknowledged that must be found. */
  readonly dueMs: number;
  readonly everyMs: number;
  readonly startMs: number;
}

export class FleetQuestions implements AsyncDisposable {
  asked = 0;
  longestMs = 0;
  /** With when and whom. */
  readonly wrong: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(readonly options: QuestionsOptions) {
    const kinds = [this.#byId, this.#bySearch, this.#byMetrics];
    this.#running = Promise.all(kinds.map((ask) => this.#forEver(ask)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #forEver(ask: (url: string, due: readonly AckedTrace[]) => Promise<string[]>) {
    const { urls, acked, dueMs, everyMs } = this.options;
    for (let turn = 0; !this.#stop.signal.aborted; turn++) {
      const known = urls();
      const url = known[turn % known.length];
      const beganMs = Date.now();
      const due = acked().filter(({ ackedMs }) => ackedMs < beganMs - dueMs);
      if (url !== undefined && due.length > 0) {
        this.asked++;
        const problems = await ask.call(this, url, due).catch((error) => [String(error)]);
        const at = `${new Date(beganMs).toISOString()} ${url} +${Date.now() - beganMs} ms`;
        this.wrong.push(...problems.map((problem) => `${at}: ${problem.slice(0, 500)}`));
        this.longestMs = Math.max(this.longestMs, Date.now() - beganMs);
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async #byId(url: string, due: readonly AckedTrace[]): Promise<string[]> {
    const { traceId, spans } = due[Math.floor(Math.random() * due.length)]!;
    const found = new Set(
      (await findTrace(url, traceId)).map((one) => `${one.spanId}/${one.kind}`),
    );
    return found.size >= spans ? [] : [`${traceId}: ${found.size} of ${spans} spans by id`];
  }

  async #bySearch(url: string, due: readonly AckedTrace[]): Promise<string[]> {
    const all = await search(url, "{}", { limit: 200_000, spss: 1 });
    const found = new Set(all.map(({ traceId }) => traceId));
    const missing = due.filter(({ traceId }) => !found.has(traceId));
    return missing.length === 0 ? [] : [
      `${missing.length} of ${due.length} traces are not found by search, the first acknowledged ${
        Date.now() - missing[0]!.ackedMs
      } ms ago`,
    ];
  }

  async #byMetrics(url: string, due: readonly AckedTrace[]): Promise<string[]> {
    const parameters = new URLSearchParams({
      q: "{} | count_over_time()",
      start: String(Math.floor(this.options.startMs / 1000) - 60),
      end: String(Math.ceil(Date.now() / 1000) + 60),
      step: "10s",
      exemplars: "0",
    });
    const response = await fetch(`${url}/api/metrics/query_range?${parameters}`);
    const text = await response.text();
    if (!response.ok) return [`metrics: ${response.status} ${text}`];
    let counted = 0;
    for (const { samples = [] } of JSON.parse(text).series ?? []) {
      for (const { value = 0 } of samples) counted += Number(value);
    }
    const spans = due.reduce((sum, one) => sum + one.spans, 0);
    return counted >= spans ? [] : [`metrics count ${counted} of ${spans} spans`];
  }
}
