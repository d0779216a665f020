// Objects in memory, with weather on order: a test says which call fails, is cut short or waits.
import { NotFoundError } from "../../lib/errors.ts";
import { checkKey, checkPrefix } from "./keys.ts";
import {
  type ByteRange,
  ExistsError,
  type Listing,
  type ObjectInfo,
  type ObjectStore,
  type ObjectWriter,
  type WriteOptions,
} from "./object_store.ts";

export type StoreOperation = "read" | "size" | "write" | "list" | "delete";

export interface StoreFault {
  readonly operation: StoreOperation;
  /** Only calls for keys that contain this. */
  readonly key?: string;
  /** Which of those calls from now on: 1 is the next. */
  readonly call: number;
  /** The call rejects with this. */
  readonly fail?: Error;
  /** A read gives this many bytes at most. */
  readonly truncateTo?: number;
  /** The call goes on when this has resolved. */
  readonly delay?: Promise<void>;
}

export class MemoryObjectStore implements ObjectStore {
  readonly gapBytesMax: number = 1 << 15;
  readonly objects = new Map<string, Uint8Array>();
  /** Calls so far, ranges each counted. */
  readonly calls: Record<StoreOperation, number> = {
    read: 0,
    size: 0,
    write: 0,
    list: 0,
    delete: 0,
  };
  bytesRead = 0;
  #faults: { fault: StoreFault; callsLeft: number }[] = [];

  script(fault: StoreFault): void {
    this.#faults.push({ fault, callsLeft: fault.call });
  }

  async read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    checkKey(key);
    const truncateTo = await this.#enter("read", key, signal);
    const whole = this.#get(key);
    const start = range?.offset ?? 0;
    const end = range === undefined ? whole.length : start + range.sizeBytes;
    const bytes = whole.slice(start, Math.min(end, start + truncateTo));
    this.bytesRead += bytes.length;
    return bytes;
  }

  async readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal?: AbortSignal,
  ): Promise<Uint8Array[]> {
    checkKey(key);
    return await Promise.all(ranges.map((range) => this.read(key, range, signal)));
  }

  async sizeBytes(key: string, signal?: AbortSignal): Promise<number> {
    checkKey(key);
    await this.#enter("size", key, signal);
    return this.#get(key).length;
  }

  async write(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    const copy = bytes.slice();
    await this.#enter("write", key, options.signal);
    if (options.ifAbsent === true && this.objects.has(key)) {
      throw new ExistsError(`object ${key} exists`);
    }
    this.objects.set(key, copy);
  }

  // deno-lint-ignore require-await
  async openWriter(key: string): Promise<ObjectWriter> {
    checkKey(key);
    const parts: Uint8Array[] = [];
    return {
      write: (bytes) => {
        parts.push(bytes.slice());
        return Promise.resolve();
      },
      close: async () => await this.write(key, joined(parts)),
      abort: () => Promise.resolve(),
    };
  }

  async list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    checkPrefix(prefix);
    await this.#enter("list", prefix, signal);
    const objects: ObjectInfo[] = [];
    const prefixes = new Set<string>();
    for (const key of [...this.objects.keys()].sort()) {
      if (!key.startsWith(prefix)) continue;
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      if (cut < 0) objects.push({ key, sizeBytes: this.#get(key).length });
      else prefixes.add(key.slice(0, cut + 1));
    }
    return { objects, prefixes: [...prefixes].sort() };
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    checkKey(key);
    await this.#enter("delete", key, signal);
    this.objects.delete(key);
  }

  #get(key: string): Uint8Array {
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw new NotFoundError(`no object ${key}`);
    return bytes;
  }

  /** Lets the scripted weather happen; how many bytes a read may give. */
  async #enter(operation: StoreOperation, key: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    this.calls[operation]++;
    const due: StoreFault[] = [];
    for (const scripted of this.#faults) {
      const { fault } = scripted;
      if (fault.operation !== operation || !key.includes(fault.key ?? "")) continue;
      if (--scripted.callsLeft === 0) due.push(fault);
    }
    this.#faults = this.#faults.filter(({ callsLeft }) => callsLeft > 0);
    let truncateTo = Infinity;
    for (const fault of due) {
      await fault.delay;
      if (fault.fail !== undefined) throw fault.fail;
      truncateTo = Math.min(truncateTo, fault.truncateTo ?? Infinity);
    }
    signal?.throwIfAborted();
    return truncateTo;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
