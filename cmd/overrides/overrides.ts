// What each tenant may do: the entry of its name in the runtime file, else that of "*", else the
// defaults of the configuration; and on top of it what its own user has set.
// Rules: asked anew each time and answered from a map, so that a change takes effect at once; who
// keeps a copy elsewhere hears of changes.
import type { Limits } from "../../model/limits.ts";
import { type Config, inPlaceOf, limitsOf, type LimitValues } from "../config/mod.ts";
import { ANY_TENANT, type TenantEntry } from "./runtime_file.ts";
import { type UserDocument, withDocument } from "./user_document.ts";

export interface TenantSettings {
  readonly values: LimitValues;
  readonly limits: Limits;
}

export class Overrides {
  readonly defaults: TenantSettings;
  #entries: ReadonlyMap<string, TenantEntry> = new Map();
  #users: ReadonlyMap<string, UserDocument> = new Map();
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

  get users(): ReadonlyMap<string, UserDocument> {
    return this.#users;
  }

  replace(entries: ReadonlyMap<string, TenantEntry>): void {
    this.#entries = entries;
    this.#resolve();
  }

  replaceUsers(users: ReadonlyMap<string, UserDocument>): void {
    this.#users = users;
    this.#resolve();
  }

  setUser(tenant: string, document: UserDocument | undefined): void {
    const users = new Map(this.#users);
    if (document === undefined) users.delete(tenant);
    else users.set(tenant, document);
    this.replaceUsers(users);
  }

  /** Of a tenant without what its user has set. */
  withoutUser(tenant: string): LimitValues {
    const entry = this.#entries.get(tenant) ?? this.#entries.get(ANY_TENANT);
    const { defaults } = this.config.overrides;
    return entry === undefined ? defaults : inPlaceOf(defaults, entry.values);
  }

  /** Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #resolve(): void {
    const settings = new Map<string, TenantSettings>();
    for (const tenant of new Set([...this.#entries.keys(), ...this.#users.keys()])) {
      const values = this.withoutUser(tenant);
      const document = this.#users.get(tenant);
      settings.set(
        tenant,
        this.#settingsOf(document === undefined ? values : withDocument(values, document)),
      );
    }
    this.#rest = settings.get(ANY_TENANT) ?? this.defaults;
    settings.delete(ANY_TENANT);
    this.#settings = settings;
    for (const listener of this.#listeners) listener();
  }

  #settingsOf(values: LimitValues): TenantSettings {
    return { values, limits: limitsOf(this.config, values) };
  }
}
