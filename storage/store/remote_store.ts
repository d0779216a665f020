// An object store over a vendor's bucket: keys below a prefix, patience, hedged reads, whole answers,
// the product's errors and its metrics; the same for every vendor.
// Rule: whatever goes wrong is told with the bucket and the key; weather only after it was outwaited.
import { NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { exponentialBuckets } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import {
  type Attempt,
  type Bucket,
  BucketFailure,
  type ObjectStat,
  type Upload,
} from "./bucket.ts";
import { joinRanges } from "./join_ranges.ts";
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
import { type Versioned, type VersionedStore, VersionError } from "./versioned.ts";
import { type PartSink, RemoteObjectWriter } from "./remote_writer.ts";
import {
  eitherOf,
  hedged,
  type HedgeOptions,
  NEVER,
  retried,
  type RetryOptions,
  withinTime,
} from "./retry.ts";

export interface RemoteOptions {
  /** Without slashes around it; empty: the bucket's root. */
  readonly prefix: string;
  readonly partBytes: number;
  readonly retry: RetryOptions;
  readonly hedge: HedgeOptions;
  /** Of one attempt: without any byte of an answer, or for each 4 MiB of a write. */
  readonly timeoutMs: number;
}

/** A byte costs about 10 ns to transfer and a request some 10 ms: a gap this wide costs one request. */
const GAP_BYTES_MAX = 1 << 20;
/** Larger reads are faster as several requests at a time. */
const JOINED_BYTES_MAX = 16 << 20;
/** Of one call of `readRanges`. */
const REQUESTS_MAX = 32;
/** At the least that a connection is worth waiting for, it carries so much in one time limit. */
const BYTES_PER_TIMEOUT = 4 << 20;

/** Of an object that somebody else keeps changing. */
const VERSION_READS_MAX = 3;

type Operation = "GET" | "HEAD" | "PUT" | "LIST" | "DELETE";

export class RemoteObjectStore implements ObjectStore, VersionedStore, Disposable {
  readonly gapBytesMax = GAP_BYTES_MAX;
  readonly #folder: string;
  readonly #seconds;
  readonly #hedges;

  constructor(
    readonly runtime: Runtime,
    readonly bucket: Bucket,
    readonly options: RemoteOptions,
  ) {
    const prefix = options.prefix.replace(/^\/+|\/+$/g, "");
    if (prefix !== "") checkKey(prefix);
    this.#folder = prefix === "" ? "" : `${prefix}/`;
    this.#seconds = runtime.metrics.histogram(
      "tempodb_backend_request_duration_seconds",
      "Time of a request to the object store",
      exponentialBuckets(.005, 4, 6),
      ["operation", "status_code"],
    );
    this.#hedges = runtime.metrics.counter(
      "tempodb_backend_hedged_roundtrips_total",
      "Second requests for reads whose first one was slow",
    );
  }

  async read(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    checkKey(key);
    if (range?.sizeBytes === 0) {
      await this.sizeBytes(key, signal); // there is no way to ask for nothing
      return new Uint8Array();
    }
    return await this.#reading("GET", key, signal, (attempt) => {
      return this.bucket.get(this.#folder + key, range, attempt);
    });
  }

  async readRanges(
    key: string,
    ranges: readonly ByteRange[],
    signal: AbortSignal = NEVER,
    gapBytesMax = GAP_BYTES_MAX,
  ): Promise<Uint8Array[]> {
    checkKey(key);
    const parts: Uint8Array[] = new Array(ranges.length);
    const requests = joinRanges(ranges, gapBytesMax, JOINED_BYTES_MAX);
    const failed = new AbortController();
    const either = eitherOf(signal, failed.signal);
    const readNext = async () => {
      for (let joined = requests.pop(); joined !== undefined; joined = requests.pop()) {
        const { offset, sizeBytes, members } = joined;
        const bytes = await this.read(key, { offset, sizeBytes }, either);
        for (const member of members) {
          const from = ranges[member]!.offset - offset;
          const to = from + ranges[member]!.sizeBytes;
          parts[member] = members.length === 1 ? bytes : bytes.slice(from, to);
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(REQUESTS_MAX, requests.length) }, readNext));
    } catch (error) {
      failed.abort(error);
      throw error;
    }
    return parts;
  }

  async sizeBytes(key: string, signal?: AbortSignal): Promise<number> {
    checkKey(key);
    return (await this.#stat(key, signal)).sizeBytes;
  }

  async #stat(key: string, signal?: AbortSignal): Promise<ObjectStat> {
    return await this.#reading("HEAD", key, signal, (attempt) => {
      return this.bucket.stat(this.#folder + key, attempt);
    });
  }

  async write(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    checkKey(key);
    const whole = this.#folder + key;
    const put = { ifAbsent: options.ifAbsent === true, writeId: this.runtime.random.uuid() };
    await this.#writing("PUT", key, bytes.length, options.signal, async (attempt, count) => {
      try {
        await this.bucket.put(whole, bytes, put, attempt);
      } catch (error) {
        const isOwn = count > 1 && isKind(error, "exists") &&
          await this.#isWrittenBy(whole, put.writeId, attempt);
        if (!isOwn) throw error;
      }
    });
  }

  async readVersioned(key: string, signal?: AbortSignal): Promise<Versioned> {
    checkKey(key);
    for (let attempt = 1;; attempt++) {
      const before = await this.#stat(key, signal);
      const bytes = await this.read(key, undefined, signal);
      const after = await this.#stat(key, signal);
      if (before.version === after.version) return { bytes, version: after.version };
      if (attempt === VERSION_READS_MAX) {
        throw new UnavailableError(`object ${key} changes while it is read`);
      }
    }
  }

  async writeVersioned(
    key: string,
    bytes: Uint8Array,
    version: string | undefined,
    signal?: AbortSignal,
  ): Promise<string> {
    checkKey(key);
    const writeId = this.runtime.random.uuid();
    const condition = version === undefined
      ? { ifAbsent: true }
      : { ifAbsent: false, ifVersion: version };
    const whole = this.#folder + key;
    return await this.#writing("PUT", key, bytes.length, signal, async (attempt, count) => {
      try {
        await this.bucket.put(whole, bytes, { ...condition, writeId }, attempt);
      } catch (error) {
        if (!isKind(error, "exists") && !isKind(error, "missing")) throw error;
        const isOwn = count > 1 && await this.#isWrittenBy(whole, writeId, attempt);
        if (!isOwn) throw versionError(key, version, error);
      }
      const now = await this.bucket.stat(whole, attempt);
      // Of a version that is already another's work the writer's own id matches nothing.
      return now.writeId === writeId ? now.version : writeId;
    });
  }

  /** Not every vendor deletes on a condition: between the look and the deletion is a moment. */
  async deleteVersioned(key: string, version: string, signal?: AbortSignal): Promise<void> {
    checkKey(key);
    const found = await this.#stat(key, signal).catch((error) => {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    });
    if (found?.version !== version) throw versionError(key, version);
    await this.delete(key, signal);
  }

  // deno-lint-ignore require-await -- the interface is async
  async openWriter(key: string): Promise<ObjectWriter> {
    checkKey(key);
    const whole = this.#folder + key;
    const writeId = this.runtime.random.uuid();
    const sink: PartSink = {
      put: (bytes, signal) => this.write(key, bytes, { signal }),
      begin: () =>
        this.#writing("PUT", key, 0, undefined, (attempt) => {
          return this.bucket.beginUpload(whole, writeId, attempt);
        }),
      part: (upload, index, bytes, isLast, signal) =>
        this.#writing("PUT", key, bytes.length, signal, (attempt) => {
          return upload.part(index, bytes, isLast, attempt);
        }),
      complete: (upload, signal) =>
        this.#writing("PUT", key, 0, signal, (attempt, count) => {
          return this.#complete(upload, whole, writeId, attempt, count);
        }),
      abort: (upload) =>
        this.#writing("DELETE", key, 0, undefined, (attempt) => upload.abort(attempt)),
    };
    return new RemoteObjectWriter(sink, this.options.partBytes, (error) => {
      this.runtime.log.warn("parts of an abandoned upload stay in the bucket", {
        bucket: this.bucket.title,
        key: whole,
        error: String(error),
      });
    });
  }

  async list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    checkPrefix(prefix);
    const objects: ObjectInfo[] = [];
    const prefixes = new Set<string>();
    const relative = (key: string) => key.slice(this.#folder.length);
    let token: string | undefined;
    do {
      const page = await this.#reading("LIST", prefix, signal, (attempt) => {
        return this.bucket.list(this.#folder + prefix, delimiter, token, attempt);
      });
      for (const { key, sizeBytes } of page.objects) {
        // Consoles and gateways mark folders by objects of that name; no key ends so.
        if (!key.endsWith("/")) objects.push({ key: relative(key), sizeBytes });
      }
      for (const one of page.prefixes) prefixes.add(relative(one));
      token = page.nextToken;
    } while (token !== undefined);
    objects.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    return { objects, prefixes: [...prefixes].sort() };
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    checkKey(key);
    await this.#writing("DELETE", key, 0, signal, (attempt) => {
      return this.bucket.delete(this.#folder + key, attempt);
    });
  }

  [Symbol.dispose](): void {
    this.bucket.close();
  }

  /** After an answer that was not heard the upload may be gone because it was completed. */
  async #complete(
    upload: Upload,
    key: string,
    writeId: string,
    attempt: Attempt,
    count: number,
  ): Promise<void> {
    try {
      await upload.complete(attempt);
    } catch (error) {
      const isWeather = isKind(error, "weather");
      if (count === 1 || isWeather || !await this.#isWrittenBy(key, writeId, attempt)) throw error;
    }
  }

  async #isWrittenBy(key: string, writeId: string, attempt: Attempt): Promise<boolean> {
    try {
      return (await this.bucket.stat(key, attempt)).writeId === writeId;
    } catch (error) {
      if (isKind(error, "missing")) return false;
      throw error;
    }
  }

  async #reading<T>(
    operation: Operation,
    key: string,
    signal: AbortSignal = NEVER,
    once: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const { retry, hedge, timeoutMs } = this.options;
    const countHedge = () => this.#hedges.inc();
    try {
      return await retried(this.runtime, retry, signal, () => {
        return hedged(this.runtime.clock, hedge, signal, countHedge, (either) => {
          return this.#measured(operation, timeoutMs, either, once);
        });
      });
    } catch (error) {
      throw this.#told(error, operation, key, signal);
    }
  }

  async #writing<T>(
    operation: Operation,
    key: string,
    sizeBytes: number,
    signal: AbortSignal = NEVER,
    once: (attempt: Attempt, count: number) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = this.options.timeoutMs *
      Math.max(1, Math.ceil(sizeBytes / BYTES_PER_TIMEOUT));
    try {
      return await retried(this.runtime, this.options.retry, signal, (count) => {
        return this.#measured(operation, timeoutMs, signal, (attempt) => once(attempt, count));
      });
    } catch (error) {
      throw this.#told(error, operation, key, signal);
    }
  }

  async #measured<T>(
    operation: Operation,
    timeoutMs: number,
    signal: AbortSignal,
    once: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.runtime;
    const startedMs = clock.monotonic();
    let status = operation === "DELETE" ? "204" : "200";
    try {
      return await withinTime(clock, timeoutMs, signal, once);
    } catch (error) {
      status = signal.aborted ? "canceled" : String(statusOf(error) ?? "error");
      throw error;
    } finally {
      this.#seconds.labels(operation, status).observe((clock.monotonic() - startedMs) / 1000);
    }
  }

  #told(error: unknown, operation: Operation, key: string, signal: AbortSignal): unknown {
    if (signal.aborted || !(error instanceof BucketFailure)) return error;
    const { title } = this.bucket;
    const object = this.#folder + key;
    const request = object === "" ? operation : `${operation} ${object}`;
    const options = { cause: error };
    switch (error.kind) {
      case "missing":
        return new NotFoundError(`no object ${object} in ${title}`, options);
      case "exists":
        return new ExistsError(`object ${object} exists in ${title}`, options);
      case "refused":
        return new UnavailableError(
          `${title} refuses ${request}: ${error.message}`,
          options,
        );
      case "weather":
        return new UnavailableError(
          `${title}: ${request} failed ${this.options.retry.attemptsMax} times: ` +
            error.message,
          options,
        );
    }
  }
}

function versionError(key: string, version: string | undefined, cause?: unknown): VersionError {
  return new VersionError(`object ${key} is not in version ${version ?? "none"}`, { cause });
}

function isKind(error: unknown, kind: BucketFailure["kind"]): boolean {
  return error instanceof BucketFailure && error.kind === kind;
}

function statusOf(error: unknown): number | undefined {
  return error instanceof BucketFailure ? error.status : undefined;
}
