// A frontend of another process, as a querier speaks to it (pull_wire.ts).
import type { Clock } from "../../lib/clock.ts";
import { type GrpcCallOptions, GrpcClient } from "../../lib/grpc_client.ts";
import { kindOf } from "../../lib/grpc_kinds.ts";
import { decodeAnswer, encodeAnswer } from "../querier/mod.ts";
import {
  ANSWER,
  type AnswerPart,
  BEAT,
  type Beat,
  encodeAnswerPart,
  type Frame,
  NOTIFY_SHUTDOWN,
  PULL,
  type PullRequest,
} from "./pull_wire.ts";

export interface FrontendLink extends Disposable {
  pull(request: PullRequest, signal: AbortSignal): AsyncIterable<Frame>;
  /** Whether anybody still waits for the answer. */
  answer(part: AnswerPart, signal: AbortSignal): Promise<boolean>;
  beat(beat: Beat, signal: AbortSignal): Promise<void>;
  notifyShutdown(session: number, signal: AbortSignal): Promise<void>;
}

export interface FrontendClientOptions extends GrpcCallOptions {
  /** Of all but the stream. */
  readonly timeoutMs: number;
}

export class GrpcFrontendLink implements FrontendLink {
  readonly #client: GrpcClient;

  constructor(clock: Clock, address: string, options: FrontendClientOptions) {
    this.#client = new GrpcClient(clock, { address, ...options });
  }

  async *pull(request: PullRequest, signal: AbortSignal): AsyncIterable<Frame> {
    try {
      const frames = this.#client.stream(PULL, encodeAnswer(request), {}, signal, 0);
      for await (const frame of frames) yield decodeAnswer(frame);
    } catch (error) {
      throw kindOf(error);
    }
  }

  async answer(part: AnswerPart, signal: AbortSignal): Promise<boolean> {
    const told = await this.#call<{ isWanted: boolean }>(ANSWER, encodeAnswerPart(part), signal);
    return told.isWanted;
  }

  async beat(beat: Beat, signal: AbortSignal): Promise<void> {
    await this.#call(BEAT, encodeAnswer(beat), signal);
  }

  async notifyShutdown(session: number, signal: AbortSignal): Promise<void> {
    await this.#call(NOTIFY_SHUTDOWN, encodeAnswer({ session }), signal);
  }

  async #call<T>(path: string, message: Uint8Array, signal: AbortSignal): Promise<T> {
    try {
      return decodeAnswer<T>(await this.#client.call(path, message, {}, signal));
    } catch (error) {
      throw kindOf(error);
    }
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}
