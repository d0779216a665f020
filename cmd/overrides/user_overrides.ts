// Limits that tenants' users have set, kept in a bucket: read again every period, changed over the API.
//
//   overrides/<tenant>/overrides.json
//
// Rules: a change names the version it was made from, and of two made from one the second is refused;
// what was written here is in effect here at once; a document that is bad or cannot be read leaves
// what was known of it.
import { InputError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import {
  type ObjectStore,
  type VersionedStore,
  VersionError,
  versionsOf,
} from "../../storage/mod.ts";
import { tellLimits } from "../config/mod.ts";
import type { Overrides } from "./overrides.ts";
import {
  checkDocument,
  conflicts,
  mergedDocument,
  mergePatch,
  parseDocument,
  type UserDocument,
} from "./user_document.ts";

const FOLDER = "overrides/";
const keyOf = (tenant: string) => `${FOLDER}${tenant}/overrides.json`;

/** Of a patch whose document others change all the time. */
const PATCHES_MAX = 5;
const NEVER = new AbortController().signal;

export interface StoredDocument {
  readonly document: UserDocument;
  readonly version: string;
}

export interface UserOverridesOptions {
  readonly pollMs: number;
  /** Whether a document may not set what the tenant's entry in the runtime file sets. */
  readonly refusesConflicts: boolean;
}

export class UserOverrides implements AsyncDisposable {
  readonly #versions: VersionedStore;
  readonly #stop = new AbortController();
  #polling: Promise<void> = Promise.resolve();
  readonly #metrics;

  private constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly overrides: Overrides,
    readonly options: UserOverridesOptions,
  ) {
    this.#versions = versionsOf(store);
    const name = (what: string) => `tempo_overrides_user_configurable_overrides_${what}_total`;
    const { metrics } = runtime;
    this.#metrics = {
      lists: metrics.counter(name("list"), "Times that the documents were listed"),
      failedReloads: metrics.counter(
        name("reload_failed"),
        "Times that they could not all be read",
      ),
      fetches: metrics.counter(name("fetch"), "Documents read", ["user"]),
      failedFetches: metrics.counter(name("fetch_failed"), "Documents that could not be", ["user"]),
    };
  }

  /** What is stored is in effect when it resolves, or a line in the log says why not. */
  static async open(
    runtime: Runtime,
    store: ObjectStore,
    overrides: Overrides,
    options: UserOverridesOptions,
  ): Promise<UserOverrides> {
    const user = new UserOverrides(runtime, store, overrides, options);
    await user.reload(NEVER);
    user.#polling = user.#poll();
    return user;
  }

  /** Undefined if there is none. */
  async get(tenant: string, signal: AbortSignal): Promise<StoredDocument | undefined> {
    try {
      const { bytes, version } = await this.#versions.readVersioned(keyOf(tenant), signal);
      return { document: parseDocument(bytes), version };
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      // Whose document in the bucket is bad has made no mistake by asking for it.
      if (error instanceof InputError && error.code === "invalid_argument") {
        throw new UnavailableError(`stored overrides of ${tenant}: ${error.message}`, {
          cause: error,
        });
      }
      throw error;
    }
  }

  /** Undefined if there is none; also of a document that is bad, so that it can be replaced. */
  async version(tenant: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await this.#versions.readVersioned(keyOf(tenant), signal)).version;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** What is in effect of all that a user may set. */
  merged(tenant: string): unknown {
    const limits = tellLimits(this.overrides.withoutUser(tenant)) as Record<string, unknown>;
    return mergedDocument(limits, this.overrides.users.get(tenant));
  }

  /** Throws VersionError unless the stored one is of that version; undefined: unless there is none. */
  async set(
    tenant: string,
    body: Uint8Array,
    version: string | undefined,
    isConflictAllowed: boolean,
    signal: AbortSignal,
  ): Promise<StoredDocument> {
    const document = parseDocument(body);
    this.#refuseConflicts(tenant, document, isConflictAllowed);
    return await this.#write(tenant, document, version, signal);
  }

  /** A merge patch of what is stored, or of nothing. */
  async patch(
    tenant: string,
    body: Uint8Array,
    isConflictAllowed: boolean,
    signal: AbortSignal,
  ): Promise<StoredDocument> {
    const patch = parsedJson(body);
    for (let attempt = 1;; attempt++) {
      const stored = await this.get(tenant, signal);
      const document = checkDocument(mergePatch(stored?.document.written ?? {}, patch));
      this.#refuseConflicts(tenant, document, isConflictAllowed);
      try {
        return await this.#write(tenant, document, stored?.version, signal);
      } catch (error) {
        if (!(error instanceof VersionError) || attempt === PATCHES_MAX) throw error;
      }
    }
  }

  async delete(tenant: string, version: string, signal: AbortSignal): Promise<void> {
    await this.#versions.deleteVersioned(keyOf(tenant), version, signal);
    this.overrides.setUser(tenant, undefined);
  }

  /** Reads all documents. */
  async reload(signal: AbortSignal): Promise<void> {
    const { log } = this.runtime;
    try {
      this.#metrics.lists.inc();
      const { prefixes } = await this.store.list(FOLDER, "/", signal);
      const tenants = prefixes.map((prefix) => prefix.slice(FOLDER.length, -1));
      const documents = new Map<string, UserDocument>();
      let failures = 0;
      for (const tenant of tenants) {
        try {
          this.#metrics.fetches.labels(tenant).inc();
          const stored = await this.get(tenant, signal);
          if (stored !== undefined) documents.set(tenant, stored.document);
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error;
          failures++;
          this.#metrics.failedFetches.labels(tenant).inc();
          log.error("overrides of a tenant are not used", { tenant, error: error.message });
          const former = this.overrides.users.get(tenant);
          if (former !== undefined) documents.set(tenant, former);
        }
      }
      if (failures > 0) this.#metrics.failedReloads.inc();
      this.overrides.replaceUsers(documents);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      this.#metrics.failedReloads.inc();
      log.error("overrides of tenants cannot be read", { error: error.message });
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(this.runtime.clock, this.options.pollMs, signal);
      if (signal.aborted) return;
      await this.reload(signal).catch((error) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #write(
    tenant: string,
    document: UserDocument,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<StoredDocument> {
    const bytes = new TextEncoder().encode(JSON.stringify(document.written));
    const now = await this.#versions.writeVersioned(keyOf(tenant), bytes, version, signal);
    this.overrides.setUser(tenant, document);
    return { document, version: now };
  }

  #refuseConflicts(tenant: string, document: UserDocument, isAllowed: boolean): void {
    if (isAllowed || !this.options.refusesConflicts) return;
    const both = conflicts(document, this.overrides.entries.get(tenant)?.written);
    if (both.length === 0) return;
    throw new InputError(
      "invalid_argument",
      `runtime overrides of tenant ${tenant} set ${both.join(", ")}: ` +
        "remove them there, or send skip-conflicting-overrides-check=true",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }
}

function parsedJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new InputError("invalid_argument", "patch is not JSON", { cause });
  }
}
