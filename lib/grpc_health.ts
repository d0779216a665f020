// The service grpc.health.v1.Health: which services of this process serve, asked once or watched.
//   HealthCheckRequest { service = 1 }   HealthCheckResponse { status = 1 }
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md

import { ByteWriter } from "./byte_writer.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";
import type { GrpcCall, GrpcMethods } from "./grpc_server.ts";
import { bytesTag, everyField } from "./protobuf_fields.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";

export const ServingStatus = { Serving: 1, NotServing: 2, ServiceUnknown: 3 } as const;
export type ServingStatus = typeof ServingStatus[keyof typeof ServingStatus];

export const HEALTH_CHECK = "/grpc.health.v1.Health/Check";
export const HEALTH_WATCH = "/grpc.health.v1.Health/Watch";

export class GrpcHealth {
  /** The empty name is the process. */
  readonly #statuses = new Map<string, ServingStatus>([["", ServingStatus.Serving]]);
  readonly #watchers = new Set<() => void>();
  #isStopping = false;

  set(service: string, status: ServingStatus): void {
    this.#statuses.set(service, status);
    for (const wake of this.#watchers) wake();
  }

  /** Before the server closes: clients look for another one, and those that watch are let go. */
  stopping(): void {
    this.#isStopping = true;
    for (const service of this.#statuses.keys()) this.set(service, ServingStatus.NotServing);
  }

  methods(): GrpcMethods {
    return {
      [HEALTH_CHECK]: { kind: "unary", handle: (call) => this.#check(call) },
      [HEALTH_WATCH]: { kind: "server_stream", handle: (call) => this.#watch(call) },
    };
  }

  // deno-lint-ignore require-await -- what it throws is the status of the call
  async #check({ message }: GrpcCall): Promise<Uint8Array> {
    const status = this.#statuses.get(serviceIn(message));
    if (status === undefined) throw new GrpcError(GrpcCode.NotFound, "unknown service");
    return response(status);
  }

  /** The status now and whenever it changes, until the client has seen enough or the server closes. */
  async *#watch({ message, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const service = serviceIn(message);
    let told: ServingStatus | undefined;
    let wake = () => {};
    const onChange = () => wake();
    this.#watchers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => wake = resolve);
        const status = this.#statuses.get(service) ?? ServingStatus.ServiceUnknown;
        if (status !== told) yield response(told = status);
        else if (this.#isStopping) return; // or else closing would wait for the watchers
        else await changed;
      }
    } finally {
      this.#watchers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }
}

function serviceIn(message: Uint8Array): string {
  let service = "";
  everyField(message, (tag, _field, body) => {
    if (tag === bytesTag(1)) service = new TextDecoder().decode(body);
  });
  return service;
}

function response(status: ServingStatus): Uint8Array {
  const writer = new ProtobufWriter(new ByteWriter(8));
  writer.varint(1, status);
  return writer.bytes.copy();
}
