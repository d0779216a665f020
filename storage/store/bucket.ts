// A bucket of one vendor, one request at a time: what an adapter has to know of its API and nothing
// more. Keys, prefixes, retries, hedging, measuring and the product's errors are RemoteObjectStore's.
// Rule: a call makes one attempt and fails as a BucketFailure, which says whether another may pass.
import type { ByteRange } from "./object_store.ts";

export type FailureKind =
  /** Overload, a broken connection, a body that ended early: another attempt may pass. */
  | "weather"
  | "missing"
  | "exists"
  /** No permission, no such bucket, a request the server will not have: the same for ever. */
  | "refused";

export class BucketFailure extends Error {
  override readonly name = "BucketFailure";

  constructor(
    readonly kind: FailureKind,
    message: string,
    /** Of the HTTP answer, if there was one. */
    readonly status: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One attempt at a request. */
export interface Attempt {
  /** The caller has left, time is up, or another attempt was faster. */
  readonly signal: AbortSignal;
  /** Bytes came: the time to wait begins anew. */
  progress(): void;
}

export interface PutOptions {
  readonly ifAbsent: boolean;
  /** Fails as "exists" if the object has another version, and as that or "missing" if it is gone. */
  readonly ifVersion?: string;
  /** Kept with the object, so that whoever did not hear the answer can tell its own write. */
  readonly writeId: string;
}

export interface ObjectStat {
  readonly sizeBytes: number;
  readonly writeId: string | undefined;
  /** The vendor's, which changes with each write. */
  readonly version: string;
}

export interface Page {
  readonly objects: readonly { readonly key: string; readonly sizeBytes: number }[];
  readonly prefixes: readonly string[];
  /** Absent on the last page. */
  readonly nextToken?: string | undefined;
}

/** An object sent in parts, one after the other; all but the last have the store's part size. */
export interface Upload {
  /** May be asked again for the same part after a failure. */
  part(index: number, bytes: Uint8Array, isLast: boolean, attempt: Attempt): Promise<void>;
  complete(attempt: Attempt): Promise<void>;
  abort(attempt: Attempt): Promise<void>;
}

/** Keys are whole here, the store's prefix included. */
export interface Bucket {
  /** For messages: `s3 bucket traces`. */
  readonly title: string;
  /** Empty where the range begins at the end or behind it. */
  get(key: string, range: ByteRange | undefined, attempt: Attempt): Promise<Uint8Array>;
  stat(key: string, attempt: Attempt): Promise<ObjectStat>;
  put(key: string, bytes: Uint8Array, options: PutOptions, attempt: Attempt): Promise<void>;
  beginUpload(key: string, writeId: string, attempt: Attempt): Promise<Upload>;
  list(
    prefix: string,
    delimiter: "/" | undefined,
    token: string | undefined,
    attempt: Attempt,
  ): Promise<Page>;
  /** A missing object is no failure. */
  delete(key: string, attempt: Attempt): Promise<void>;
  /** Gives up its connections. */
  close(): void;
}

/** What an HTTP status means where the API's own error code says no more. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 404) return "missing";
  if (status === 412) return "exists";
  if ([408, 429, 500, 502, 503, 504].includes(status)) return "weather";
  return "refused";
}
