// Buckets of Amazon S3 and of whatever speaks its API. The vendor's client signs, finds credentials
// and parses; its own retries are off, for the store's are bounded and measured.
// The home of @aws-sdk/client-s3; loaded when such a store is opened, never before.
import type {
  CompletedPart,
  GetObjectCommandOutput,
  S3Client,
  S3ClientConfig,
} from "@aws-sdk/client-s3";
import { readBody } from "./body.ts";
import {
  type Attempt,
  type Bucket,
  BucketFailure,
  type FailureKind,
  kindOfStatus,
  type ObjectStat,
  type Page,
  type PutOptions,
  type Upload,
} from "./bucket.ts";
import type { ByteRange } from "./object_store.ts";

export interface S3Options {
  readonly bucket: string;
  /** With its scheme; absent: Amazon's, by region. */
  readonly endpoint: string | undefined;
  /** Absent: as the environment or the shared configuration says. */
  readonly region: string | undefined;
  readonly isPathStyle: boolean;
  readonly isDualStack: boolean;
  /** Absent: environment, shared files, web identity, the machine's role, as Amazon's chain has it. */
  readonly credentials: S3Credentials | undefined;
  readonly storageClass: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly sse: S3Encryption | undefined;
  /** Sent with what is written, so that the server refuses what was changed on the way. */
  readonly checksum: S3Checksum | undefined;
  readonly tls: S3Tls | undefined;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

export type S3Checksum = "CRC32" | "CRC32C" | "SHA1" | "SHA256";

export type S3Encryption =
  | { readonly type: "SSE-S3" }
  | { readonly type: "SSE-KMS"; readonly keyId: string; readonly context: string }
  | { readonly type: "SSE-C"; readonly key: string };

/** Paths of PEM files; empty ones are not given. */
export interface S3Tls {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly serverName: string;
  readonly isUnverified: boolean;
}

type Sdk = typeof import("@aws-sdk/client-s3");

/** Header of the write's id among the object's metadata. */
const WRITE_ID = "segno-write-id";
const SOCKETS_MAX = 128;
const CONNECT_TIMEOUT_MS = 10_000;

export async function openS3Bucket(options: S3Options): Promise<Bucket> {
  const sdk = await import("@aws-sdk/client-s3");
  return new S3Bucket(sdk, new sdk.S3Client(await clientConfig(options)), options);
}

async function clientConfig(options: S3Options): Promise<S3ClientConfig> {
  const { endpoint, region, credentials, tls } = options;
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return {
    ...endpoint === undefined ? {} : { endpoint },
    ...region === undefined ? {} : { region },
    ...credentials === undefined ? {} : {
      credentials: {
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: credentials.secretAccessKey,
        ...credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken },
      },
    },
    forcePathStyle: options.isPathStyle,
    useDualstackEndpoint: options.isDualStack,
    followRegionRedirects: true,
    maxAttempts: 1,
    // Checksums in trailers are not understood by every server that speaks S3.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: agent,
      httpsAgent: { ...agent, ...tls === undefined ? {} : await tlsOptions(tls) },
    },
  };
}

async function tlsOptions(tls: S3Tls): Promise<Record<string, unknown>> {
  const read = async (name: string, path: string) =>
    path === "" ? {} : { [name]: await Deno.readTextFile(path) };
  return {
    ...await read("ca", tls.caPath),
    ...await read("cert", tls.certPath),
    ...await read("key", tls.keyPath),
    ...tls.serverName === "" ? {} : { servername: tls.serverName },
    ...tls.isUnverified ? { rejectUnauthorized: false } : {},
  };
}

class S3Bucket implements Bucket {
  readonly title: string;
  readonly #place: { readonly Bucket: string };
  /** Of requests that read or write what is encrypted with our own key. */
  readonly #ownKey: { SSECustomerAlgorithm?: string; SSECustomerKey?: string };

  constructor(readonly sdk: Sdk, readonly client: S3Client, readonly options: S3Options) {
    this.title = `s3 bucket ${options.bucket}`;
    this.#place = { Bucket: options.bucket };
    this.#ownKey = options.sse?.type === "SSE-C"
      ? { SSECustomerAlgorithm: "AES256", SSECustomerKey: options.sse.key }
      : {};
  }

  async get(key: string, range: ByteRange | undefined, attempt: Attempt): Promise<Uint8Array> {
    const command = new this.sdk.GetObjectCommand({
      ...this.#place,
      ...this.#ownKey,
      Key: key,
      ...range === undefined ? {} : { Range: rangeHeader(range) },
    });
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.client.send(command, { abortSignal: attempt.signal });
    } catch (error) {
      if (statusOf(error) === 416) return new Uint8Array();
      throw failure(error);
    }
    // The client's signal reaches to the head of the answer only.
    const body = answer.Body as NodeStream | undefined;
    const leave = () => body?.destroy(attempt.signal.reason);
    attempt.signal.addEventListener("abort", leave);
    try {
      return await readBody(
        {
          status: answer.$metadata.httpStatusCode ?? 200,
          body,
          contentLength: answer.ContentLength,
          contentRange: answer.ContentRange,
        },
        range,
        attempt,
      );
    } catch (error) {
      throw failure(error);
    } finally {
      attempt.signal.removeEventListener("abort", leave);
    }
  }

  async stat(key: string, attempt: Attempt): Promise<ObjectStat> {
    const command = new this.sdk.HeadObjectCommand({ ...this.#place, ...this.#ownKey, Key: key });
    const { ContentLength = 0, ETag = "", Metadata } = await sent(
      this.client.send(command, { abortSignal: attempt.signal }),
    );
    return { sizeBytes: ContentLength, writeId: Metadata?.[WRITE_ID], version: ETag };
  }

  async put(key: string, bytes: Uint8Array, put: PutOptions, attempt: Attempt): Promise<void> {
    const command = new this.sdk.PutObjectCommand({
      ...this.#place,
      ...this.#kept(put.writeId),
      Key: key,
      Body: bytes,
      ContentLength: bytes.length,
      ...put.ifAbsent ? { IfNoneMatch: "*" } : {},
      ...put.ifVersion === undefined ? {} : { IfMatch: put.ifVersion },
    });
    await sent(this.client.send(command, { abortSignal: attempt.signal }));
  }

  async beginUpload(key: string, writeId: string, attempt: Attempt): Promise<Upload> {
    const command = new this.sdk.CreateMultipartUploadCommand({
      ...this.#place,
      ...this.#kept(writeId),
      Key: key,
    });
    const { UploadId } = await sent(this.client.send(command, { abortSignal: attempt.signal }));
    return this.#upload({ ...this.#place, Key: key, UploadId: UploadId! });
  }

  #upload(place: { Bucket: string; Key: string; UploadId: string }): Upload {
    const parts: CompletedPart[] = [];
    return {
      part: async (index, bytes, _isLast, { signal }) => {
        const PartNumber = index + 1;
        const command = new this.sdk.UploadPartCommand({
          ...place,
          ...this.#ownKey,
          ...this.#summed(),
          PartNumber,
          Body: bytes,
          ContentLength: bytes.length,
        });
        const answer = await sent(this.client.send(command, { abortSignal: signal }));
        const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 } = answer;
        const sums = { ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 };
        parts[index] = { PartNumber, ETag, ...this.options.checksum === undefined ? {} : sums };
      },
      complete: async ({ signal }) => {
        const command = new this.sdk.CompleteMultipartUploadCommand({
          ...place,
          ...this.#ownKey,
          MultipartUpload: { Parts: parts },
        });
        await sent(this.client.send(command, { abortSignal: signal }));
      },
      abort: async ({ signal }) => {
        const command = new this.sdk.AbortMultipartUploadCommand(place);
        await sent(this.client.send(command, { abortSignal: signal }), "missing");
      },
    };
  }

  async list(
    prefix: string,
    delimiter: "/" | undefined,
    token: string | undefined,
    attempt: Attempt,
  ): Promise<Page> {
    const command = new this.sdk.ListObjectsV2Command({
      ...this.#place,
      Prefix: prefix,
      ...delimiter === undefined ? {} : { Delimiter: delimiter },
      ...token === undefined ? {} : { ContinuationToken: token },
    });
    const page = await sent(this.client.send(command, { abortSignal: attempt.signal }));
    return {
      objects: (page.Contents ?? []).map(({ Key, Size }) => ({ key: Key!, sizeBytes: Size ?? 0 })),
      prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      nextToken: page.IsTruncated === true ? page.NextContinuationToken : undefined,
    };
  }

  async delete(key: string, attempt: Attempt): Promise<void> {
    const command = new this.sdk.DeleteObjectCommand({ ...this.#place, Key: key });
    await sent(this.client.send(command, { abortSignal: attempt.signal }), "missing");
  }

  close(): void {
    this.client.destroy();
  }

  #summed(): { ChecksumAlgorithm?: S3Checksum } {
    const { checksum } = this.options;
    return checksum === undefined ? {} : { ChecksumAlgorithm: checksum };
  }

  /** What a new object is to keep beside its bytes. */
  #kept(writeId: string) {
    const { storageClass, tags, metadata, sse } = this.options;
    return {
      ...this.#ownKey,
      ...this.#summed(),
      Metadata: { ...metadata, [WRITE_ID]: writeId },
      ...storageClass === "" ? {} : { StorageClass: storageClass as "STANDARD" },
      ...Object.keys(tags).length === 0 ? {} : { Tagging: String(new URLSearchParams(tags)) },
      ...sse?.type === "SSE-S3" ? { ServerSideEncryption: "AES256" as const } : {},
      ...sse?.type === "SSE-KMS"
        ? {
          ServerSideEncryption: "aws:kms" as const,
          ...sse.keyId === "" ? {} : { SSEKMSKeyId: sse.keyId },
          ...sse.context === "" ? {} : { SSEKMSEncryptionContext: btoa(sse.context) },
        }
        : {},
    };
  }
}

interface NodeStream extends AsyncIterable<Uint8Array> {
  destroy(reason: unknown): void;
}

function rangeHeader({ offset, sizeBytes }: ByteRange): string {
  return `bytes=${offset}-${offset + sizeBytes - 1}`;
}

/** Failures as the store knows them; those of one kind are taken as an answer. */
async function sent<T>(answer: Promise<T>, harmless?: FailureKind): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const told = failure(error);
    if (told.kind === harmless) return undefined as T;
    throw told;
  }
}

/** Error codes whose status alone would mislead. */
const KINDS: Readonly<Record<string, FailureKind>> = {
  NoSuchBucket: "refused",
  NoSuchKey: "missing",
  NoSuchUpload: "missing",
  // Somebody writes the same key at this moment; who was first is known at the next attempt.
  ConditionalRequestConflict: "weather",
  OperationAborted: "weather",
  RequestTimeout: "weather",
  SlowDown: "weather",
  ThrottlingException: "weather",
  ExpiredToken: "weather",
  InternalError: "weather",
  // Of a gateway over a file system, where a folder goes with its last object just then.
  ExistingObjectIsDirectory: "weather",
};

function failure(error: unknown): BucketFailure {
  if (error instanceof BucketFailure) return error;
  const status = statusOf(error);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const kind = KINDS[name] ??
    (status === undefined || status < 400 ? "weather" : kindOfStatus(status));
  const told = [status, name, message].filter((part) => part !== undefined && part !== "");
  return new BucketFailure(kind, told.join(" "), status, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata;
  return metadata?.httpStatusCode;
}
