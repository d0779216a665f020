// The scheduler as gRPC methods, `tempopb.BackendScheduler`: what comes in over the wire is asked of the actor.
import { InputError } from "../../lib/errors.ts";
import type { GrpcCall, GrpcMethods } from "../../lib/grpc_server.ts";
import { GrpcCode, GrpcError } from "../../lib/grpc_status.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import { checkedWish } from "./redaction_wish.ts";
import { RedactionRunningError } from "./redaction_batches.ts";
import type { SchedulerActor } from "./scheduler_actor.ts";
import {
  decodeNext,
  decodeUpdate,
  decodeWish,
  encodeGiven,
  encodeSubmitted,
  encodeUpdated,
} from "./wire.ts";

export const SERVICE = "/tempopb.BackendScheduler";

/** `tenantOf`: whose blocks a redaction is about; from the metadata alone. */
export function schedulerMethods(
  scheduler: SchedulerActor,
  tenantOf: (metadata: ReadonlyMap<string, string>) => string,
): GrpcMethods {
  const next = async ({ message, signal }: GrpcCall) => {
    const given = await scheduler.next(understood(() => decodeNext(message)), signal);
    if (given === undefined) throw new GrpcError(GrpcCode.NotFound, "no jobs found");
    return encodeGiven(given);
  };
  const update = async ({ message, stopSignal }: GrpcCall) => {
    const kindOf = (jobId: string) => scheduler.kindOf(jobId);
    const told = understood(() => decodeUpdate(message, kindOf));
    // What a worker has brought is taken in whether it waits for the answer or not.
    return encodeUpdated(await scheduler.update(told, stopSignal));
  };
  const redact = async ({ message, metadata, stopSignal }: GrpcCall) => {
    const wish = checkedWish(understood(() => decodeWish(message)));
    try {
      return encodeSubmitted(await scheduler.redact(tenantOf(metadata), wish, stopSignal));
    } catch (error) {
      if (!(error instanceof RedactionRunningError)) throw error;
      throw new GrpcError(GrpcCode.AlreadyExists, error.message);
    }
  };
  return {
    [`${SERVICE}/Next`]: { kind: "unary", handle: next },
    [`${SERVICE}/UpdateJob`]: { kind: "unary", handle: update },
    [`${SERVICE}/SubmitRedaction`]: { kind: "unary", handle: redact },
  };
}

function understood<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new InputError("invalid_argument", error.message, { cause: error });
  }
}
