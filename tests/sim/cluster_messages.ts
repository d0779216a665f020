// What simulated processes say to each other. Questions to live-stores cross as bytes, through the methods and
// the codec that gRPC carries.
import { kindOf } from "../../lib/grpc_kinds.ts";
import type { GrpcMethods } from "../../lib/grpc_server.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import { decodeAnswer, encodeAnswer, Pieces } from "../../query/querier/mod.ts";
import {
  LIVE_FIND_TRACE,
  LIVE_QUERY,
  LIVE_STATUS,
  type LiveReply,
  type LiveStatus,
} from "../../query/remote/live_wire.ts";
import type { LiveOwner } from "../../query/remote/mod.ts";
import type { Push } from "../../distributor/mod.ts";
import type { Network } from "./cluster_network.ts";
import type { Place } from "./cluster_place.ts";
import { TIMES } from "./cluster_times.ts";

export type Message =
  | { readonly kind: "gossip"; readonly message: Uint8Array }
  | { readonly kind: "push"; readonly push: Push }
  | { readonly kind: "call"; readonly path: string; readonly message: Uint8Array };

/** A live-store as a querier reaches it. */
export class SimulatedOwner implements LiveOwner {
  constructor(readonly network: Network, readonly place: Place, readonly address: string) {}

  query<R extends QueryRequest>(
    request: R,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<AnswerOf<R>>> {
    return this.#ask(LIVE_QUERY, { partitions, request }, signal);
  }

  findTrace(
    tenant: string,
    traceId: Uint8Array,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<Uint8Array>> {
    return this.#ask(LIVE_FIND_TRACE, { partitions, tenant, traceId }, signal);
  }

  async status(signal: AbortSignal): Promise<LiveStatus> {
    const [bytes] = await this.#call(LIVE_STATUS, encodeAnswer({}), signal);
    return decodeAnswer(bytes!);
  }

  async #ask<T>(path: string, asked: unknown, signal: AbortSignal): Promise<LiveReply<T>> {
    const pieces = new Pieces();
    for (const piece of await this.#call(path, encodeAnswer(asked), signal)) pieces.add(piece);
    const reply = pieces.value as Partial<LiveReply<T>> | undefined;
    if (reply?.watermarks === undefined) throw new UnavailableError("the answer broke off");
    return reply as LiveReply<T>;
  }

  async #call(path: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    const asked: Message = { kind: "call", path, message };
    try {
      const answer = this.network.ask(this.place, this.address, asked, TIMES.askMs, signal);
      return await answer as Uint8Array[];
    } catch (error) {
      throw kindOf(error);
    }
  }

  [Symbol.dispose](): void {}
}

/** What a server of these methods answers: all messages of it. */
export async function answerCall(
  methods: GrpcMethods,
  path: string,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const method = methods[path];
  if (method === undefined) throw new UnavailableError(`there is no ${path}`);
  const call = { path, message, metadata: new Map<string, string>(), signal, stopSignal: signal };
  if (method.kind === "unary") return [await method.handle(call)];
  const answers: Uint8Array[] = [];
  for await (const answer of method.handle(call)) answers.push(answer);
  return answers;
}
