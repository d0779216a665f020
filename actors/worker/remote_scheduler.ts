// The scheduler of another process, as its workers see it.
import { UnavailableError } from "../../lib/errors.ts";
import { type GrpcCallOptions, GrpcClient } from "../../lib/grpc_client.ts";
import { GrpcCode, GrpcError } from "../../lib/grpc_status.ts";
import { ProtobufError } from "../../lib/protobuf_reader.ts";
import type { Clock } from "../../lib/clock.ts";
import type { GivenJob, JobSource, JobUpdate, NextRequest } from "../scheduler/job.ts";
import { SERVICE } from "../scheduler/scheduler_service.ts";
import { decodeGiven, decodeUpdated, encodeNext, encodeUpdate } from "../scheduler/wire.ts";

/** A scheduler answers within its job_timeout, 15 s; beyond this it is not there. */
const TIMEOUT_MS = 60_000;

export class RemoteScheduler implements JobSource, Disposable {
  readonly #client: GrpcClient;

  constructor(readonly clock: Clock, address: string, options: GrpcCallOptions) {
    this.#client = new GrpcClient(clock, { ...options, address, timeoutMs: TIMEOUT_MS });
  }

  async next(request: NextRequest, signal: AbortSignal): Promise<GivenJob | undefined> {
    try {
      const bytes = await this.#call("Next", encodeNext(request), signal);
      return decodeGiven(bytes, this.clock.now());
    } catch (error) {
      if (error instanceof GrpcError && error.code === GrpcCode.NotFound) return undefined;
      throw asWeather(error);
    }
  }

  async update(update: JobUpdate, signal: AbortSignal): Promise<boolean> {
    try {
      return decodeUpdated(await this.#call("UpdateJob", encodeUpdate(update), signal));
    } catch (error) {
      // The peer's scheduler says so of a job that it does not know.
      if (error instanceof GrpcError && error.code === GrpcCode.NotFound) return false;
      throw asWeather(error);
    }
  }

  #call(method: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#client.call(`${SERVICE}/${method}`, message, {}, signal);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

/** Whatever a scheduler does wrong, its workers go on asking. */
function asWeather(error: unknown): unknown {
  return error instanceof GrpcError || error instanceof ProtobufError
    ? new UnavailableError(error.message, { cause: error })
    : error;
}
