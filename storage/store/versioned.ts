// Small objects that several may change: a write says which version it was made from.
// Rule: of two writes made from one version one is refused, whoever they come from. On local disk that
// holds within a process, which owns its folder.

/** The object is not in the version that was named. */
export class VersionError extends Error {
  override readonly name = "VersionError";
}

export interface Versioned {
  readonly bytes: Uint8Array;
  /** Opaque; the same for as long as the object is not written. */
  readonly version: string;
}

export interface VersionedStore {
  /** NotFoundError if there is none. */
  readVersioned(key: string, signal?: AbortSignal): Promise<Versioned>;
  /** `version` undefined: there must be none. The version it now has. */
  writeVersioned(
    key: string,
    bytes: Uint8Array,
    version: string | undefined,
    signal?: AbortSignal,
  ): Promise<string>;
  deleteVersioned(key: string, version: string, signal?: AbortSignal): Promise<void>;
}

/** One after the other, by key. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.catch(() => {});
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
