// Delivery of metrics: a log and senders for each tenant, to the same endpoints.
// Rules: endpoints do not wait for each other; a tenant whose log was left by a former life is delivered although it
// has nothing new to tell.
//
//   collection ─▶ delivery log ─┬─▶ sender ─▶ endpoint
//                               └─▶ sender ─▶ endpoint
import { UnavailableError } from "../../lib/errors.ts";
import type { Directory } from "../../lib/fs.ts";
import { InvariantError } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Collection } from "./collection.ts";
import { DeliveryLog, type DeliveryLogOptions } from "./delivery_log.ts";
import { endpointCounts, logCounts } from "./delivery_metrics.ts";
import { type Endpoint, HttpEndpoint } from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint_settings.ts";
import { Relabelling } from "./relabel.ts";
import { Sender, type SenderPlace } from "./sender.ts";

export interface DeliveryOptions extends DeliveryLogOptions {
  readonly endpoints: readonly EndpointSettings[];
}

/** Of the disk: a directory for each tenant. */
export interface DeliveryPlace {
  /** Those who have one. */
  tenants(): Promise<string[]>;
  open(tenant: string): Promise<Directory>;
}

export class Delivery implements Disposable {
  readonly #endpoints: readonly Pick<SenderPlace, "settings" | "endpoint" | "relabelling">[];

  constructor(
    readonly runtime: Runtime,
    readonly options: DeliveryOptions,
    readonly place: DeliveryPlace,
    /** Of a tenant's requests, beside those of the endpoint. */
    readonly headersOf: (tenant: string) => Readonly<Record<string, string>>,
    endpointOf = (settings: EndpointSettings): Endpoint =>
      new HttpEndpoint(runtime.clock, settings),
  ) {
    this.#endpoints = options.endpoints.map((settings) => ({
      settings,
      endpoint: endpointOf(settings),
      relabelling: new Relabelling(settings.relabelling),
    }));
  }

  /** Throws UnavailableError where the disk does not do what it should, or another process has the log. */
  async open(tenant: string): Promise<TenantDelivery> {
    try {
      return await this.#open(tenant);
    } catch (error) {
      if (error instanceof UnavailableError || error instanceof InvariantError) throw error;
      throw new UnavailableError(`the delivery log of ${tenant}: ${error}`, { cause: error });
    }
  }

  async #open(tenant: string): Promise<TenantDelivery> {
    const { runtime, options, headersOf } = this;
    await using stack = new AsyncDisposableStack();
    const log = stack.use(
      await DeliveryLog.open(
        runtime,
        tenant,
        await this.place.open(tenant),
        options,
        logCounts(runtime.metrics, tenant),
      ),
    );
    const senders: Sender[] = [];
    for (const endpoint of this.#endpoints) {
      const { name, url, headers, queue } = endpoint.settings;
      const logger = runtime.log.getChild("delivery").with({ tenant, endpoint: name });
      senders.push(
        new Sender(runtime, logger, {
          ...endpoint,
          log,
          cursor: await log.openCursor(name),
          headers: () => ({ ...headers, ...headersOf(tenant) }),
          counts: endpointCounts(runtime.metrics, tenant, name, url, queue),
        }),
      );
    }
    await log.forgetOtherCursors();
    await log.truncate();
    return new TenantDelivery(log, senders, stack.move());
  }

  [Symbol.dispose](): void {
    for (const { endpoint } of this.#endpoints) endpoint[Symbol.dispose]();
  }
}

export class TenantDelivery implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(
    readonly log: DeliveryLog,
    readonly senders: readonly Sender[],
    readonly stack: AsyncDisposableStack,
  ) {
    this.#running = Promise.all(senders.map((sender) => sender.run(this.#stop.signal)));
  }

  /** By partition: one past the last record that is counted in what is here. */
  get nextOffsets(): ReadonlyMap<number, number> {
    return this.log.nextOffsets;
  }

  /** Resolves when it will be delivered whatever happens to the process. */
  append(collection: Collection): Promise<void> {
    return this.log.append(collection);
  }

  /** Whether every endpoint has everything. */
  get isDelivered(): boolean {
    return this.senders.every((sender) => sender.isDelivered);
  }

  /** Resolves when every endpoint has what is here now, or the signal aborts. */
  async flush(signal: AbortSignal): Promise<void> {
    await Promise.all(this.senders.map((sender) => sender.flush(signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.stack.disposeAsync();
  }
}
