// The live spans of this process for queriers of others: gRPC methods of a live-store.
// Rules: it answers for the partitions that it was asked about and no others, so that nothing is counted
// twice, or not at all: not while it replays, and not if one of them is somewhere else.
import { UnavailableError } from "../../lib/errors.ts";
import type { GrpcCall, GrpcMethods } from "../../lib/grpc_server.ts";
import { keepingKinds } from "../../lib/grpc_kinds.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { decodeAnswer, encodeAnswer, type LiveSource, piecesOf } from "../querier/mod.ts";
import {
  LIVE_FIND_TRACE,
  LIVE_QUERY,
  LIVE_STATUS,
  type LiveFind,
  type LiveQuery,
  type LiveReply,
  type LiveStatus,
  type Watermark,
} from "./live_wire.ts";

/** Of this process: questions are answered for the partitions that `onlyPartitions` of a request names. */
export interface LiveStore extends LiveSource {
  /** Of every partition that it has. */
  watermarks(): readonly Watermark[];
  /** Why it answers no questions now, as `live-store is starting`. */
  refusal(): string | undefined;
}

export function liveStoreService(store: LiveStore): GrpcMethods {
  async function* query({ message, signal }: GrpcCall) {
    const { partitions, request } = decodeAnswer<LiveQuery>(message);
    const watermarks = checked(store, partitions);
    const found = await store.query({ ...request, onlyPartitions: partitions }, signal);
    yield* inTurns({ found, watermarks });
  }
  async function* findTrace({ message, signal }: GrpcCall) {
    const { partitions, tenant, traceId } = decodeAnswer<LiveFind>(message);
    const watermarks = checked(store, partitions);
    const found = await store.findTrace(tenant, traceId, signal);
    yield* inTurns({ found, watermarks });
  }
  const status = () => {
    const told: LiveStatus = { watermarks: store.watermarks(), refusal: store.refusal() };
    return Promise.resolve(encodeAnswer(told));
  };
  return keepingKinds({
    [LIVE_QUERY]: { kind: "server_stream", handle: query },
    [LIVE_FIND_TRACE]: { kind: "server_stream", handle: findTrace },
    [LIVE_STATUS]: { kind: "unary", handle: status },
  });
}

/** Before anything is asked, so that the answer has no less. */
function checked(store: LiveStore, partitions: readonly number[]): Watermark[] {
  const refusal = store.refusal();
  if (refusal !== undefined) throw new UnavailableError(refusal);
  const had = new Map(store.watermarks().map((one) => [one.partition, one]));
  return partitions.map((partition) => {
    const watermark = had.get(partition);
    if (watermark !== undefined) return watermark;
    throw new UnavailableError(`partition ${partition} is not here`);
  });
}

async function* inTurns(reply: LiveReply<unknown>): AsyncGenerator<Uint8Array> {
  for (const piece of piecesOf(reply)) {
    yield piece;
    await nextTurn();
  }
}
