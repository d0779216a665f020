// The bench's answer as a table for people.
import type { IngestFigures } from "./scenarios/ingest.ts";
import type { QueryFigures } from "./scenarios/query.ts";
import type { TableFigures } from "./scenarios/query_table.ts";
import type { SearchableFigures } from "./scenarios/searchable.ts";

/** The most that a query may hold up the thread that answers all others. */
const STALL_MS_MAX = 20;

export interface BenchResult {
  readonly machine: string;
  readonly commit: string;
  readonly ingest: IngestFigures[];
  readonly searchable: SearchableFigures[];
  readonly queries: QueryFigures[];
  readonly table: TableFigures[];
  /** Scenarios that came to nothing, and why. */
  readonly failures: string[];
}

export function tableOf(
  { machine, commit, ingest, searchable, queries, table: figures, failures }: BenchResult,
): string {
  const parts = [`${machine}, commit ${commit}\n`];
  if (ingest.length > 0) {
    parts.push(table(
      [
        "ingest",
        "acked/s",
        "sustained/s",
        "CPU µs/span",
        "ack p50 ms",
        "ack p99 ms",
        "peak MB",
        "lag p99 ms",
        "B/span",
        "blocks",
        "spans",
        "refused",
      ],
      ingest.map((one) => [
        one.scenario,
        thousands(one.ackedSpansPerSecond),
        thousands(one.sustainedSpansPerSecond) + (one.isDrained ? "" : " (not drained)"),
        one.cpuMicrosPerSpan.toFixed(1),
        one.ackMsP50.toFixed(1),
        one.ackMsP99.toFixed(1),
        one.peakMegabytes.toFixed(0),
        one.timerLagMsP99.toFixed(1),
        one.bytesPerSpan.toFixed(0),
        String(one.blocks),
        thousands(one.ackedSpans),
        String(Object.values(one.refusals).reduce((sum, count) => sum + count, 0)),
      ]),
    ));
  }
  for (const one of searchable) {
    parts.push(
      `searchable after the ack: p50 ${one.searchableMsP50.toFixed(0)} ms, ` +
        `most ${one.searchableMsMax.toFixed(0)} ms of ${one.tries} tries\n`,
    );
  }
  if (queries.length > 0) {
    parts.push(table(
      ["query", "cold ms", "p50 ms", "p99 ms", "traces", "spans in blocks", "blocks"],
      queries.map((one) => [
        one.question,
        one.coldMs.toFixed(1),
        one.p50Ms.toFixed(1),
        one.p99Ms.toFixed(1),
        one.tracesFound.toFixed(1),
        thousands(one.spansInBlocks),
        String(one.blocks),
      ]),
    ));
  }
  for (const place of ["blocks", "live"] as const) {
    const rows = figures.filter((one) => one.place === place);
    if (rows.length === 0) continue;
    const head = `${thousands(rows[0]!.spans)} spans, ${place}`;
    parts.push(table(
      [head, "peer ms", "wanted ms", "cold ms", "p50 ms", "p99 ms", "CPU ms", "stall ms", ""],
      rows.map((one) => [
        one.question,
        String(one.peerMs),
        String(one.wantedMs),
        Number.isNaN(one.coldMs) ? "" : one.coldMs.toFixed(0),
        one.p50Ms.toFixed(1),
        one.p99Ms.toFixed(1),
        one.cpuMs.toFixed(1),
        one.stallMs.toFixed(1),
        one.p50Ms <= one.wantedMs && one.stallMs <= STALL_MS_MAX ? "" : "missed",
      ]),
    ));
  }
  for (const failure of failures) parts.push(`FAILED ${failure}\n`);
  return parts.join("\n");
}

const thousands = (value: number) => `${(value / 1_000).toFixed(1)}k`;

/** Markdown, with columns padded so that it reads as plain text too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}
