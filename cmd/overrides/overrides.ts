// What each tenant may do: the entry of its name in the runtime file, else that of "*", else the
// defaults of the configuration.
// Rules: asked anew each time and answered from a map, so that a reload takes effect at once; who
// keeps a copy elsewhere hears of changes.
import type { Limits } from "../../model/limits.ts";
import { type Config, inPlaceOf, limitsOf, type LimitValues } from "../config/mod.ts";
import { ANY_TENANT, type TenantEntry } from "./runtime_file.ts";

export interface TenantSettings {
  readonly values: LimitValues;
  readonly limits: Limits;
}

export class Overrides {
  readonly defaults: TenantSettings;
  #entries: ReadonlyMap<string, TenantEntry> = new Map();
  /** Of tenants that are named. */
  #settings: ReadonlyMap<string, TenantSettings> = new Map();
  #rest: TenantSettings;
  readonly #listeners = new Set<() => void>();

  constructor(readonly config: Config) {
    this.defaults = this.#settingsOf(config.overrides.defaults);
    this.#rest = this.defaults;
  }

  of(tenant: string): TenantSettings {
    return this.#settings.get(tenant) ?? this.#rest;
  }

  readonly limitsOf = (tenant: string): Limits => this.of(tenant).limits;

  /** Of every tenant that is not in `named`. */
  get rest(): TenantSettings {
    return this.#rest;
  }

  get named(): ReadonlyMap<string, TenantSettings> {
    return this.#settings;
  }

  /** As the runtime file has them, "*" too. */
  get entries(): ReadonlyMap<string, TenantEntry> {
    return this.#entries;
  }

  replace(entries: ReadonlyMap<string, TenantEntry>): void {
    this.#entries = entries;
    const settings = new Map<string, TenantSettings>();
    for (const [tenant, { values }] of entries) {
      settings.set(tenant, this.#settingsOf(inPlaceOf(this.config.overrides.defaults, values)));
    }
    this.#rest = settings.get(ANY_TENANT) ?? this.defaults;
    settings.delete(ANY_TENANT);
    this.#settings = settings;
    for (const listener of this.#listeners) listener();
  }

  /** Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #settingsOf(values: LimitValues): TenantSettings {
    return { values, limits: limitsOf(this.config, values) };
  }
}
