// The backend scheduler over HTTP: its status page, and redaction: what is asked for, how far it is, and
// the receipts of what was removed. All of it concerns the tenant of the request.
import { Hono } from "hono";
import {
  batchesWithReceipts,
  checkedWish,
  readReceipts,
  RedactionRunningError,
  type RedactionWish,
} from "../actors/mod.ts";
import { InputError } from "../lib/errors.ts";
import { backendStatus } from "./backend_status.ts";
import type { ApiOptions, BackendAdmin } from "./options.ts";
import { text } from "./ops_routes.ts";
import { tenantOf } from "./tenant.ts";

const BASE = "/backend-scheduler/redactions";
const BODY_BYTES_MAX = 1 << 20;
/** What redaction does not reach, told with every answer to who asks for one. */
const COVERS = "blocks; spans that are not in blocks yet are looked for again after rescan_delay";

export function backendRoutes({ actor, store }: BackendAdmin, options: ApiOptions): Hono {
  const rules = { ...options, multiTenantQueriesEnabled: false };
  return new Hono()
    .get("/status/backendscheduler", () => {
      const { scheduler } = actor;
      const page = scheduler === undefined
        ? "the scheduler is starting\n"
        : backendStatus(scheduler);
      return text(`GET /status/backendscheduler\n${page}`, 200, "text/plain");
    })
    .post(BASE, async ({ req }) => {
      const tenant = tenantOf(req.raw.headers, rules);
      const wish = checkedWish(wishIn(await bodyOf(req.raw), req.raw.headers));
      try {
        const { batchId, jobs } = await actor.redact(tenant, wish, NEVER);
        return Response.json({ batchId, jobsCreated: jobs, covers: COVERS }, { status: 202 });
      } catch (error) {
        if (error instanceof RedactionRunningError) return text(`${error.message}\n`, 409);
        throw error;
      }
    })
    .get(BASE, async ({ req }) => {
      const tenant = tenantOf(req.raw.headers, rules);
      const withReceipts = await batchesWithReceipts(store, tenant, req.raw.signal);
      const known = batchesOf(actor, tenant).map(({ batchId }) => batchId);
      return Response.json({ batches: [...new Set([...known, ...withReceipts])] });
    })
    .get(`${BASE}/:batch`, async ({ req }) => {
      const tenant = tenantOf(req.raw.headers, rules);
      const batchId = req.param("batch");
      if (!/^[0-9a-f-]{36}$/.test(batchId)) throw notThere(batchId);
      const batch = batchesOf(actor, tenant).find((batch) => batch.batchId === batchId);
      const receipts = await readReceipts(store, tenant, batchId, req.raw.signal);
      if (batch === undefined && receipts.length === 0) throw notThere(batchId);
      return Response.json({ batch: batch ?? null, receipts });
    });
}

/** A batch that was begun is not ended by whoever asked for it leaving. */
const NEVER = new AbortController().signal;

function notThere(batchId: string): InputError {
  return new InputError("not_found", `no redaction ${batchId} of this tenant`);
}

/** Those that the scheduler remembers; older ones have only their receipts. */
function batchesOf({ scheduler }: BackendAdmin["actor"], tenant: string) {
  const batches = [...scheduler?.book.state.batches.values() ?? []];
  return batches.filter((batch) => batch.tenant === tenant).map((batch) => ({
    batchId: batch.id,
    state: batch.state,
    mode: batch.wish.mode,
    openedAt: new Date(batch.openedMs).toISOString(),
    generation: batch.generation,
    jobs: batch.jobs,
    traces: batch.traces,
    spans: batch.spans,
    error: batch.error,
    covers: COVERS,
  }));
}

async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > BODY_BYTES_MAX) throw new InputError("too_large", "request too large");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new InputError("invalid_argument", "the request is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new InputError("invalid_argument", "the request is not a JSON object");
}

const KEYS = ["traceIds", "query", "dryRun", "start", "end", "requestedBy"];

function wishIn(body: Record<string, unknown>, headers: Headers): RedactionWish {
  for (const key of Object.keys(body)) {
    // A key that is spelled wrong must not make a redaction of more than was meant.
    if (!KEYS.includes(key)) throw new InputError("invalid_argument", `unknown key ${key}`);
  }
  const { traceIds = [], query = "", dryRun = false, start = 0, end = 0, requestedBy } = body;
  const isTexts = Array.isArray(traceIds) && traceIds.every((id) => typeof id === "string");
  const isTime = [start, end].every((time) => Number.isSafeInteger(time));
  const who = requestedBy ?? userOf(headers);
  if (!isTexts || !isTime || typeof query !== "string" || typeof dryRun !== "boolean") {
    const form =
      "traceIds: [text], query: text, dryRun: true or false, start and end: Unix seconds";
    throw new InputError("invalid_argument", `expected ${form}`);
  }
  if (typeof who !== "string") throw new InputError("invalid_argument", "requestedBy: not a text");
  return {
    traceIds: traceIds as string[],
    query,
    mode: dryRun ? "dry_run" : "apply",
    startSeconds: start as number,
    endSeconds: end as number,
    requestedBy: who,
  };
}

/** Whom a gateway in front has let in, where it says so. */
function userOf(headers: Headers): string {
  const [, basic = ""] = /^Basic (.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  try {
    return headers.get("x-forwarded-user") ?? atob(basic).split(":")[0] ?? "";
  } catch {
    return "";
  }
}
