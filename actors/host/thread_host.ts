// A partition host in the thread that asks: no worker, no messages.
import type { Runtime } from "../../lib/runtime.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";
import type { HostHandle } from "./host_handle.ts";
import { type HostDependencies, type HostOptions, PartitionHost } from "./partition_host.ts";

export class ThreadHost implements HostHandle {
  readonly #host: PartitionHost;

  constructor(runtime: Runtime, dependencies: HostDependencies, options: HostOptions) {
    this.#host = new PartitionHost(runtime, dependencies, options);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#host.run(signal);
  }

  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>> {
    return this.#host.query(request, signal);
  }

  // deno-lint-ignore require-await -- a refusal is a rejection here, as it is across threads
  async findTrace(tenant: string, traceId: Uint8Array): Promise<Uint8Array[]> {
    return this.#host.findTrace(tenant, traceId);
  }

  flush(): Promise<void> {
    return this.#host.flush();
  }

  drain(): void {
    this.#host.drain();
  }

  status(): Promise<PartitionStatus[]> {
    return Promise.resolve(this.#host.status());
  }

  metrics(): Promise<undefined> {
    this.#host.status(); // gauges are set when they are looked at
    return Promise.resolve(undefined);
  }
}
