// What a frontend and its queriers say to each other. A querier opens a stream and is sent jobs down it; what
// comes of a job goes back in calls of its own, for a client sends no streams (lib/grpc_client.ts).
//
//   querier ── Pull { querier, lanes, version } ─────────▶ frontend
//           ◀── hello { session }, then job, cancel, beat, and end last ──
//           ── Answer { session, job, pieces, isLast } ──▶ which tells whether anybody still waits
//           ── Beat { session, lanes } ──▶                 for every beat that came
//           ── NotifyShutdown { session } ──▶              no more jobs; end comes after the last answer
//
// Rule: a stream that ends without `end` is lost, and so is one on which no beat comes; what was open on it
// has failed for the world's fault, and is done by others.
import { ByteWriter } from "../../lib/byte_writer.ts";
import type { ErrorData } from "../../lib/error_data.ts";
import { ProtobufMessage } from "../../lib/protobuf_message.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest } from "../engine/mod.ts";

export const FRONTEND = "/segno.Frontend";
export const PULL = `${FRONTEND}/Pull`;
export const ANSWER = `${FRONTEND}/Answer`;
export const BEAT = `${FRONTEND}/Beat`;
export const NOTIFY_SHUTDOWN = `${FRONTEND}/NotifyShutdown`;

/** Of questions, answers and frames: those of another are not understood. */
export const VERSION = 1;

export const BEAT_EVERY_MS = 5_000;
/** Without a beat for so long the other side is gone. */
export const LOST_AFTER_MS = 15_000;

export interface PullRequest {
  readonly querier: string;
  readonly lanes: number;
  readonly version: number;
}

export type Job =
  | {
    readonly op: "scan" | "estimate";
    readonly request: QueryRequest;
    readonly blocks: readonly BlockMeta[];
  }
  | { readonly op: "find"; readonly traceId: Uint8Array; readonly blocks: readonly BlockMeta[] };

export type Frame =
  | { readonly kind: "hello"; readonly session: number }
  | { readonly kind: "job"; readonly id: number; readonly job: Job }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "beat" }
  | { readonly kind: "end" };

/** What the pieces of an answer make. */
export type Outcome = { readonly result: unknown } | { readonly error: ErrorData };

export interface AnswerPart {
  readonly session: number;
  readonly job: number;
  readonly pieces: readonly Uint8Array[];
  readonly isLast: boolean;
}

export function encodeAnswerPart({ session, job, pieces, isLast }: AnswerPart): Uint8Array {
  const size = pieces.reduce((sum, { length }) => sum + length + 8, 32);
  const out = new ProtobufWriter(new ByteWriter(size));
  out.varint(1, session);
  out.varint(2, job);
  for (const piece of pieces) out.binary(3, piece);
  out.varint(4, isLast ? 1 : 0);
  return out.bytes.copy();
}

export function decodeAnswerPart(bytes: Uint8Array): AnswerPart {
  const fields = new ProtobufMessage(bytes);
  return {
    session: fields.number(1),
    job: fields.number(2),
    pieces: fields.binaries(3),
    isLast: fields.number(4) === 1,
  };
}

export interface Beat {
  readonly session: number;
  readonly lanes: number;
}
