// deno-lint-ignore-file no-console
// The questions of the query table asked of an API in this very process: processor time without sockets and
// threads, printed as a table.
import process from "node:process";
import { systemClock } from "../lib/clock.ts";
import { percentile } from "./figures.ts";
import { startProfile } from "./profile.ts";
import { table } from "./report.ts";
import { QUESTIONS, type TimeRange } from "./scenarios/query_questions.ts";

export interface AskOptions {
  /** Names that hold this text; "" is all. */
  readonly matching: string;
  readonly times: number;
  readonly isProfiled: boolean;
  /** Of the first asking, instead. */
  readonly isColdProfiled: boolean;
  cacheBytes(): Promise<number>;
}

interface Asked {
  fetch(request: Request): Response | Promise<Response>;
}

export async function askInProcess(api: Asked, range: TimeRange, options: AskOptions) {
  const rows: string[][] = [];
  for (const question of QUESTIONS.filter(({ name }) => name.includes(options.matching))) {
    const ask = async () => {
      const startMs = systemClock.monotonic();
      const response = await api.fetch(new Request(`http://x${question.path(range)}`));
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return systemClock.monotonic() - startMs;
    };
    const coldProfile = options.isColdProfiled ? startProfile() : undefined;
    const cold = await ask();
    await coldProfile?.();
    for (let i = 0; i < 5; i++) await ask();
    const profile = options.isProfiled ? startProfile() : undefined;
    const before = process.cpuUsage();
    const samples: number[] = [];
    for (let i = 0; i < options.times; i++) samples.push(await ask());
    const { user, system } = process.cpuUsage(before);
    await profile?.();
    rows.push([
      question.name,
      String(question.wanted),
      cold.toFixed(0),
      percentile(samples, 0).toFixed(1),
      percentile(samples, 0.5).toFixed(1),
      ((user + system) / 1000 / samples.length).toFixed(1),
      `${(await options.cacheBytes() / 1e6).toFixed(0)}`,
    ]);
  }
  console.log(table(["question", "wanted", "cold", "least", "p50", "CPU ms", "cache MB"], rows));
}
