// Versions for stores that have none of their own: the version of an object is what is in it, and
// changes take turns.
import { createHash } from "node:crypto";
import { NotFoundError } from "../../lib/errors.ts";
import type { ObjectStore } from "./object_store.ts";
import { KeyedTurns, type Versioned, type VersionedStore, VersionError } from "./versioned.ts";

export class ContentVersions implements VersionedStore {
  readonly #turns = new KeyedTurns();

  constructor(readonly store: Pick<ObjectStore, "read" | "write" | "delete">) {}

  async readVersioned(key: string, signal?: AbortSignal): Promise<Versioned> {
    const bytes = await this.store.read(key, undefined, signal);
    return { bytes, version: versionOf(bytes) };
  }

  async writeVersioned(
    key: string,
    bytes: Uint8Array,
    version: string | undefined,
    signal?: AbortSignal,
  ): Promise<string> {
    return await this.#turns.take(key, async () => {
      await this.#expect(key, version, signal);
      await this.store.write(key, bytes, signal === undefined ? {} : { signal });
      return versionOf(bytes);
    });
  }

  async deleteVersioned(key: string, version: string, signal?: AbortSignal): Promise<void> {
    await this.#turns.take(key, async () => {
      await this.#expect(key, version, signal);
      await this.store.delete(key, signal);
    });
  }

  async #expect(key: string, version: string | undefined, signal?: AbortSignal): Promise<void> {
    const found = await this.readVersioned(key, signal).catch((error) => {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    });
    if (found?.version === version) return;
    throw new VersionError(`object ${key} is not in version ${version ?? "none"}`);
  }
}

function versionOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}
