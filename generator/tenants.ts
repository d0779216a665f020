// The tenants of a generator: opened when their first record comes or a former life has left something to deliver,
// made anew as their settings change, collected each in its own time.
// Rules: one tenant's trouble is not another's; a tenant that wants no metrics costs a look-up.
import type { UnavailableError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { untilAvailable } from "../lib/until_available.ts";
import type { Delivery, TenantDelivery } from "./delivery/delivery.ts";
import type { GeneratorMetrics } from "./generator_metrics.ts";
import type { GeneratorSettings } from "./settings.ts";
import { type SeriesMaker, TenantFold } from "./tenant_fold.ts";

/** A tenant holds some files and series' names. */
const IDLE_MS = 900_000;

/** What is told of tenants, and may change at any time. */
export interface TenantRules {
  /** Undefined: no metrics are to be made of this tenant's spans. */
  settingsOf(tenant: string): GeneratorSettings | undefined;
}

export type MakerOf = (settings: GeneratorSettings, nowMs: number) => SeriesMaker;

interface OpenTenant {
  readonly delivery: TenantDelivery;
  /** Undefined: nothing is made of its spans, and what a former life has left is delivered. */
  made: MadeTenant | undefined;
  /** As of the last look. */
  isWanted: boolean;
}

interface MadeTenant {
  readonly fold: TenantFold;
  everyMs: number;
  nextMs: number;
}

export class Tenants {
  readonly #open = new Map<string, OpenTenant>();
  readonly #opening = new Map<string, Promise<OpenTenant>>();
  /** Of those who are met and want nothing, as of the last look. */
  readonly #unwanted = new Set<string>();
  readonly #closing = new Set<Promise<void>>();
  /** Partitions of which nothing is counted, whatever delivery logs say. */
  readonly #madeAnew = new Set<number>();

  constructor(
    readonly runtime: Runtime,
    readonly logger: Logger,
    readonly metrics: GeneratorMetrics,
    readonly rules: TenantRules,
    readonly delivery: Delivery,
    readonly makerOf: MakerOf,
  ) {}

  /** For what they count. */
  *makers(): IterableIterator<[tenant: string, maker: SeriesMaker]> {
    for (const [tenant, { made }] of this.#open) if (made) yield [tenant, made.fold.maker];
  }

  /** Null: nothing is to be made of its spans. Undefined: it has to be opened. */
  known(tenant: string): TenantFold | null | undefined {
    if (this.#unwanted.has(tenant)) return null;
    const opened = this.#open.get(tenant);
    return opened?.isWanted ? opened.made?.fold : undefined;
  }

  /** Waits for the disk until the signal aborts. */
  async foldOf(
    tenant: string,
    signal: AbortSignal,
  ): Promise<TenantFold | null> {
    if (this.rules.settingsOf(tenant) === undefined) {
      this.#unwanted.add(tenant);
      return null;
    }
    const opened = await this.#opened(tenant, signal);
    this.#reconcile(tenant, opened);
    return opened.isWanted ? opened.made?.fold ?? null : null;
  }

  /** Those who have something to deliver from a former life. */
  async openFormer(signal: AbortSignal): Promise<void> {
    for (const tenant of await this.delivery.place.tenants()) await this.#opened(tenant, signal);
  }

  /** Everything as the settings are now; who has had nothing to tell for long is closed. */
  reconcile(): void {
    this.#unwanted.clear();
    for (const [tenant, opened] of this.#open) {
      this.#reconcile(tenant, opened);
      if (this.#isIdle(opened)) this.#close(tenant, opened);
    }
  }

  #isIdle({ made, delivery }: OpenTenant): boolean {
    const idleMs = this.runtime.clock.now() - IDLE_MS;
    const since = made === undefined ? -Infinity : made.fold.emptySinceMs;
    return since !== undefined && since <= idleMs && delivery.isDelivered;
  }

  /** Its next record opens it again, and tries until this is done. */
  #close(tenant: string, { delivery }: OpenTenant): void {
    this.#open.delete(tenant);
    const closing = delivery[Symbol.asyncDispose]()
      .catch((error) => this.logger.warn("a tenant's log cannot be closed", { tenant, error }))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Collects those whose time has come; `collected` hears of each. */
  collectDue(
    signal: AbortSignal,
    collected: () => Promise<void>,
    failed: (error: unknown) => void,
  ): void {
    const { clock } = this.runtime;
    for (const [tenant, { made }] of this.#open) {
      if (made === undefined || clock.now() < made.nextMs) continue;
      const beganMs = clock.now();
      made.nextMs = Infinity; // one at a time, however long the disk takes
      void this.#collect(tenant, made, signal).then(collected).catch(failed).finally(() => {
        const missed = Math.max(1, Math.ceil((clock.now() - beganMs) / made.everyMs));
        made.nextMs = beganMs + missed * made.everyMs;
      });
    }
  }

  /** Resolves when everything that was pushed is on the disk, or the signal aborts. */
  async collectAll(signal: AbortSignal): Promise<void> {
    const all = [...this.#open].map(([tenant, { made }]) =>
      made && this.#collect(tenant, made, signal)
    );
    await Promise.all(all);
  }

  /** The first record of a partition that is not on the disk of some tenant. */
  uncollected(partition: number): number | undefined {
    let first: number | undefined;
    for (const { made } of this.#open.values()) {
      const offset = made?.fold.uncollected(partition);
      if (offset !== undefined) first = Math.min(first ?? offset, offset);
    }
    return first;
  }

  /** A partition begins to be read, whose log ends at an offset: what a former life has counted lies below it. */
  begin(partition: number, endOffset: number): void {
    for (const [tenant, { made, delivery }] of this.#open) {
      const counted = delivery.nextOffsets.get(partition) ?? 0;
      if (counted <= endOffset) continue;
      this.logger.warn("a partition was made anew", { tenant, partition, counted, endOffset });
      this.#madeAnew.add(partition);
      made?.fold.forget(partition);
    }
  }

  /** Resolves when endpoints have everything, or the signal aborts. */
  async flush(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ delivery }) => delivery.flush(signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      ...this.#closing,
      ...[...this.#open.values()].map(({ delivery }) => delivery[Symbol.asyncDispose]()),
    ]);
  }

  async #opened(tenant: string, signal: AbortSignal): Promise<OpenTenant> {
    return await untilAvailable(
      this.runtime.clock,
      signal,
      () => this.#openOnce(tenant),
      ({ message }: UnavailableError) =>
        this.logger.error("a tenant's log cannot be opened", { tenant, message }),
    );
  }

  async #openOnce(tenant: string): Promise<OpenTenant> {
    const opened = this.#open.get(tenant);
    if (opened !== undefined) return opened;
    let opening = this.#opening.get(tenant);
    if (opening === undefined) { // several partitions may ask
      opening = this.delivery.open(tenant).then((delivery) => {
        const opened = { delivery, made: undefined, isWanted: false };
        this.#open.set(tenant, opened);
        return opened;
      }).finally(() => this.#opening.delete(tenant));
      this.#opening.set(tenant, opening);
    }
    return await opening;
  }

  #reconcile(tenant: string, opened: OpenTenant): void {
    const settings = this.rules.settingsOf(tenant);
    opened.isWanted = settings !== undefined;
    if (settings === undefined) return; // its series end by themselves
    const before = opened.made?.fold.maker.problems ?? [];
    opened.made = this.#made(tenant, opened, settings);
    const { problems } = opened.made.fold.maker;
    if (problems.length === 0 || problems.join() === before.join()) return;
    this.logger.error("a tenant's metrics are not as it wants them", { tenant, problems });
  }

  #made(
    tenant: string,
    { made, delivery }: OpenTenant,
    settings: GeneratorSettings,
  ): MadeTenant {
    const { clock } = this.runtime;
    const everyMs = settings.registry.collectEveryMs;
    if (made !== undefined) {
      made.fold.maker.configure(settings, clock.now());
      made.everyMs = everyMs;
      return made;
    }
    const maker = this.makerOf(settings, clock.now());
    const fold = new TenantFold(this.runtime, this.logger.with({ tenant }), maker, delivery);
    for (const partition of this.#madeAnew) fold.forget(partition);
    return { fold, everyMs, nextMs: clock.now() + everyMs };
  }

  async #collect(
    tenant: string,
    { fold }: MadeTenant,
    signal: AbortSignal,
  ): Promise<void> {
    const isKept = await fold.collect(signal);
    if (!isKept) this.metrics.collectionsFailed.labels(tenant).inc();
  }
}
