// The scheduler's gRPC messages, `tempopb.BackendScheduler`. Names and numbers below 100 are the peer's;
// from 101 on they are ours, which a peer skips. Where the peer's numbers are not known to us (types of
// jobs, the kind of a time) both are read. The whole: docs/formats/scheduler.md.
// Rule: what is missing has its default, as protobuf says; what cannot be is ProtobufError.
import { ByteWriter } from "../../lib/byte_writer.ts";
import { ProtobufMessage } from "../../lib/protobuf_message.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import type { Leftover, LeftoverKind } from "../../storage/mod.ts";
import type {
  GivenJob,
  JobDetail,
  JobKind,
  JobResult,
  JobUpdate,
  NextRequest,
  RedactionWish,
} from "./job.ts";
import type { SubmittedRedaction } from "./redaction_batches.ts";

const TYPES: Readonly<Record<JobKind, number>> = { compaction: 1, retention: 2, redaction: 3 };
const STATUSES: Readonly<Record<JobUpdate["status"], number>> = {
  succeeded: 1,
  failed: 2,
  running: 3,
  given_back: 101,
};
const LEFTOVERS: readonly LeftoverKind[] = ["unfinished", "flagged", "unreadable"];
const NANOS = 1_000_000_000;

export function encodeNext({ worker, leaseMs }: NextRequest): Uint8Array {
  return written((out) => {
    out.text(1, worker);
    out.varint(101, leaseMs);
  });
}

export function decodeNext(bytes: Uint8Array): NextRequest {
  const fields = new ProtobufMessage(bytes);
  return { worker: fields.text(1), leaseMs: fields.number(101) };
}

export function encodeGiven({ job: { id, tenant, detail }, nowMs }: GivenJob): Uint8Array {
  return written((out) => {
    out.text(1, id);
    out.varint(2, TYPES[detail.kind]);
    out.message(3, () => {
      out.text(1, tenant);
      writeDetail(out, detail);
    });
    long(out, 101, nowMs);
  });
}

function writeDetail(out: ProtobufWriter, detail: JobDetail): void {
  switch (detail.kind) {
    case "compaction":
      return out.message(2, () => texts(out, 1, detail.inputs));
    case "retention":
      return out.message(3, () => {
        texts(out, 101, detail.expired);
        texts(out, 102, detail.deletable);
        for (const { kind, blockId } of detail.leftovers) {
          out.message(103, () => {
            out.varint(1, LEFTOVERS.indexOf(kind) + 1);
            out.text(2, blockId);
          });
        }
      });
    case "redaction":
      out.message(4, () => {
        out.text(1, detail.blockId);
        writeWish(out, detail.wish);
      });
      return out.text(5, detail.batchId);
  }
}

/** `nowMs`: of a scheduler that does not tell the time. */
export function decodeGiven(bytes: Uint8Array, nowMs: number): GivenJob {
  const fields = new ProtobufMessage(bytes);
  const detail = fields.message(3);
  return {
    job: { id: fields.text(1), tenant: detail.text(1), detail: readDetail(detail) },
    nowMs: fields.number(101) || nowMs,
  };
}

function readDetail(fields: ProtobufMessage): JobDetail {
  if (fields.has(2)) return { kind: "compaction", inputs: fields.message(2).texts(1) };
  if (fields.has(4)) {
    const redaction = fields.message(4);
    return {
      kind: "redaction",
      batchId: fields.text(5),
      blockId: redaction.text(1),
      wish: readWish(redaction),
    };
  }
  const retention = fields.message(3);
  const leftovers = retention.messages(103).flatMap((leftover): Leftover[] => {
    const kind = LEFTOVERS[leftover.number(1) - 1];
    return kind === undefined ? [] : [{ kind, blockId: leftover.text(2) }];
  });
  return {
    kind: "retention",
    expired: retention.texts(101),
    deletable: retention.texts(102),
    leftovers,
  };
}

export function encodeUpdate(update: JobUpdate): Uint8Array {
  return written((out) => {
    out.text(1, update.jobId);
    out.varint(2, STATUSES[update.status]);
    out.text(101, update.worker);
    if (update.status === "failed") out.text(3, update.error);
    if (update.status === "succeeded") writeResult(out, update.result);
  });
}

function writeResult(out: ProtobufWriter, result: JobResult): void {
  switch (result.kind) {
    case "compaction":
      out.message(4, () => texts(out, 2, result.outputs));
      return out.message(103, () => {
        texts(out, 1, result.gone);
        texts(out, 2, result.flagged);
      });
    case "retention":
      return out.message(102, () => {
        texts(out, 1, result.marked);
        texts(out, 2, result.deleted);
      });
    case "redaction":
      return out.message(5, () => {
        out.varint(1, result.traces);
        out.varint(101, result.spans);
        texts(out, 102, result.outputs);
        out.varint(103, result.isGone ? 1 : 0);
      });
  }
}

/** `kindOf`: of a job, for the peer's workers do not say what they have retained. */
export function decodeUpdate(
  bytes: Uint8Array,
  kindOf: (jobId: string) => JobKind | undefined,
): JobUpdate {
  const fields = new ProtobufMessage(bytes);
  const jobId = fields.text(1);
  const worker = fields.text(101);
  const code = fields.number(2);
  const [status] = Object.entries(STATUSES).find(([, number]) => number === code) ?? [];
  switch (status as JobUpdate["status"] | undefined) {
    case "running":
    case "given_back":
      return { jobId, worker, status: status as "running" | "given_back" };
    case "succeeded":
      return { jobId, worker, status: "succeeded", result: readResult(fields, kindOf(jobId)) };
    case "failed":
      return { jobId, worker, status: "failed", error: fields.text(3) };
    case undefined:
      throw new ProtobufError(`job status ${code}`, 0);
  }
}

function readResult(fields: ProtobufMessage, kind: JobKind | undefined): JobResult {
  if (kind === "redaction" || kind === undefined && fields.has(5)) {
    const redaction = fields.message(5);
    return {
      kind: "redaction",
      traces: redaction.number(1),
      spans: redaction.number(101),
      outputs: redaction.texts(102),
      isGone: redaction.number(103) !== 0,
    };
  }
  if (kind === "retention") {
    const retention = fields.message(102);
    return { kind: "retention", marked: retention.texts(1), deleted: retention.texts(2) };
  }
  const stale = fields.message(103);
  return {
    kind: "compaction",
    outputs: fields.message(4).texts(2),
    gone: stale.texts(1),
    flagged: stale.texts(2),
  };
}

export function encodeUpdated(isFine: boolean): Uint8Array {
  return written((out) => out.varint(1, isFine ? 1 : 0));
}

export function decodeUpdated(bytes: Uint8Array): boolean {
  return new ProtobufMessage(bytes).number(1) !== 0;
}

export function encodeWish(wish: RedactionWish): Uint8Array {
  return written((out) => writeWish(out, wish));
}

export function decodeWish(bytes: Uint8Array): RedactionWish {
  return readWish(new ProtobufMessage(bytes));
}

/** Fields 2 to 6 are the same in a request and in a job. */
function writeWish(out: ProtobufWriter, wish: RedactionWish): void {
  for (const id of wish.traceIds) out.binary(2, Uint8Array.fromHex(id));
  if (wish.query !== "") out.message(3, () => out.text(1, wish.query));
  out.varint(4, wish.mode === "dry_run" ? 1 : 0);
  long(out, 5, wish.startSeconds * NANOS);
  long(out, 6, wish.endSeconds * NANOS);
  if (wish.requestedBy !== "") out.text(101, wish.requestedBy);
}

function readWish(fields: ProtobufMessage): RedactionWish {
  return {
    traceIds: fields.all(2).map((id) => {
      if (!(id instanceof Uint8Array)) throw new ProtobufError("a trace id is not bytes", 0);
      return id.toHex();
    }),
    query: fields.message(3).text(1),
    mode: fields.number(4) === 1 ? "dry_run" : "apply",
    // Doubles hold such times to some hundred nanoseconds.
    startSeconds: Math.floor(fields.number(5) / NANOS + 1e-6),
    endSeconds: Math.max(0, Math.ceil(fields.number(6) / NANOS - 1e-6)),
    requestedBy: fields.text(101),
  };
}

export function encodeSubmitted({ batchId, jobs }: SubmittedRedaction): Uint8Array {
  return written((out) => {
    out.text(1, batchId);
    out.varint(2, jobs);
  });
}

export function decodeSubmitted(bytes: Uint8Array): SubmittedRedaction {
  const fields = new ProtobufMessage(bytes);
  return { batchId: fields.text(1), jobs: fields.number(2) };
}

function written(write: (out: ProtobufWriter) => void): Uint8Array {
  const out = new ProtobufWriter(new ByteWriter(256));
  write(out);
  return out.bytes.copy();
}

function texts(out: ProtobufWriter, field: number, values: readonly string[]): void {
  for (const value of values) out.text(field, value);
}

/** Beyond 32 bits. */
function long(out: ProtobufWriter, field: number, value: number): void {
  if (value !== 0) out.varint64(field, value % 2 ** 32, Math.floor(value / 2 ** 32));
}
