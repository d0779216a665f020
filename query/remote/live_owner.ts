// A live-store of another process, as those who ask it see it.
import type { Clock } from "../../lib/clock.ts";
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { type GrpcCallOptions, GrpcClient } from "../../lib/grpc_client.ts";
import { kindOf } from "../../lib/grpc_kinds.ts";
import { GrpcError } from "../../lib/grpc_status.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { AnswerOf, QueryRequest } from "../engine/mod.ts";
import { decodeAnswer, encodeAnswer, Pieces } from "../querier/mod.ts";
import {
  LIVE_FIND_TRACE,
  LIVE_QUERY,
  LIVE_STATUS,
  type LiveFind,
  type LiveQuery,
  type LiveReply,
  type LiveStatus,
} from "./live_wire.ts";

export interface LiveOwner extends Disposable {
  query<R extends QueryRequest>(
    request: R,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<AnswerOf<R>>>;
  findTrace(
    tenant: string,
    traceId: Uint8Array,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<Uint8Array>>;
  status(signal: AbortSignal): Promise<LiveStatus>;
}

export interface LiveClientOptions extends GrpcCallOptions {
  /** Of a question. */
  readonly timeoutMs: number;
  /** Of asking how it is. */
  readonly statusTimeoutMs: number;
}

export class GrpcLiveOwner implements LiveOwner {
  readonly #client: GrpcClient;

  constructor(clock: Clock, readonly address: string, readonly options: LiveClientOptions) {
    const { statusTimeoutMs: timeoutMs } = options;
    this.#client = new GrpcClient(clock, { ...options, address, timeoutMs });
  }

  query<R extends QueryRequest>(
    request: R,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<AnswerOf<R>>> {
    return this.#ask(LIVE_QUERY, { partitions, request } satisfies LiveQuery, signal);
  }

  findTrace(
    tenant: string,
    traceId: Uint8Array,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<LiveReply<Uint8Array>> {
    return this.#ask(LIVE_FIND_TRACE, { partitions, tenant, traceId } satisfies LiveFind, signal);
  }

  async status(signal: AbortSignal): Promise<LiveStatus> {
    const bytes = await this.#client.call(LIVE_STATUS, encodeAnswer({}), {}, signal);
    return decodeAnswer(bytes);
  }

  async #ask<T>(path: string, asked: unknown, signal: AbortSignal): Promise<LiveReply<T>> {
    const { timeoutMs } = this.options;
    const pieces = new Pieces();
    try {
      const answer = this.#client.stream(path, encodeAnswer(asked), {}, signal, timeoutMs);
      for await (const piece of answer) {
        pieces.add(piece);
        await nextTurn();
      }
    } catch (error) {
      throw kindOf(error);
    }
    const reply = pieces.value as Partial<LiveReply<T>> | undefined;
    // The last piece is an object; those before it are lists.
    if (reply?.watermarks === undefined) {
      throw new UnavailableError(`${this.address}: the answer broke off`);
    }
    return reply as LiveReply<T>;
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

/** Whether another owner may do better. What is wrong with a question is wrong everywhere. */
export function isOfOneOwner(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof GrpcError ||
    error instanceof CorruptionError || error instanceof NotFoundError;
}
