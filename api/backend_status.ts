// The page /status/backendscheduler: tenants, jobs and redactions as tables of text.
import type { Scheduler } from "../actors/mod.ts";
import { textTable } from "./text_table.ts";

/** Of jobs that have ended, the last so many. */
const ENDED_MAX = 50;

export function backendStatus(scheduler: Scheduler): string {
  return [
    "tenants",
    tenantsTable(scheduler),
    "jobs",
    jobsTable(scheduler),
    "redactions",
    batchesTable(scheduler),
  ].join("\n");
}

function tenantsTable({ dependencies: { list }, book: { state } }: Scheduler): string {
  const rows = list.tenants.map((tenant) => {
    const open = state.open().filter(({ job }) => job.tenant === tenant).length;
    const isPaused = state.openBatch(tenant)?.wish.mode === "apply";
    return [tenant, ...countsOf(list, tenant), String(open), isPaused ? "paused" : ""];
  });
  return textTable(["TENANT", "BLOCKS", "COMPACTED", "JOBS", "COMPACTION"], rows);
}

function countsOf(list: Scheduler["dependencies"]["list"], tenant: string): string[] {
  const compacted = String(list.compacted(tenant).length);
  try {
    return [String(list.blocks(tenant).length), compacted];
  } catch {
    return ["unknown", compacted]; // it could not be listed so far
  }
}

function jobsTable({ book: { state }, runtime }: Scheduler): string {
  const now = runtime.clock.now();
  const age = (ms: number) => ms === 0 ? "" : `${Math.max(0, Math.round((now - ms) / 1000))}s ago`;
  const records = [...state.jobs.values()];
  const ended = records.filter(({ endedMs }) => endedMs > 0)
    .sort((a, b) => b.endedMs - a.endedMs).slice(0, ENDED_MAX);
  const open = records.filter(({ endedMs }) => endedMs === 0);
  const rows = [...open, ...ended].map(({ job, ...record }) => [
    job.id,
    job.tenant,
    job.detail.kind,
    record.state,
    record.lease?.worker ?? "",
    String(record.attempts),
    age(record.createdMs),
    age(record.lease?.heardMs ?? 0),
    age(record.endedMs),
    record.error.slice(0, 80).replaceAll(/\s+/g, " "),
  ]);
  const heads = [
    "JOB",
    "TENANT",
    "KIND",
    "STATE",
    "WORKER",
    "ATTEMPTS",
    "CREATED",
    "HEARD",
    "ENDED",
  ];
  return textTable([...heads, "ERROR"], rows);
}

function batchesTable({ book: { state } }: Scheduler): string {
  const rows = [...state.batches.values()].map((batch) => [
    batch.id,
    batch.tenant,
    batch.state,
    batch.wish.mode,
    String(batch.generation),
    String(batch.jobs),
    String(batch.traces),
    String(batch.spans),
    new Date(batch.openedMs).toISOString(),
    batch.error.slice(0, 80).replaceAll(/\s+/g, " "),
  ]);
  const heads = ["REDACTION", "TENANT", "STATE", "MODE", "GENERATION", "JOBS", "TRACES", "SPANS"];
  return textTable([...heads, "OPENED", "ERROR"], rows);
}
