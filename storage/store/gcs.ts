// Buckets of Google Cloud Storage, by its JSON API. The vendor's auth library finds credentials; the
// seven requests are made here, because its storage client hears no signal, hides how many bytes were
// promised, and retries on its own (docs/adr/0005-object-stores.md).
// The home of google-auth-library; loaded when such a store is opened, never before.
import { readBody } from "./body.ts";
import {
  type Attempt,
  type Bucket,
  BucketFailure,
  kindOfStatus,
  type ObjectStat,
  type Page,
  type PutOptions,
  type Upload,
} from "./bucket.ts";
import type { ByteRange } from "./object_store.ts";

export interface GcsOptions {
  readonly bucket: string;
  /** Scheme and host; the API's paths are put behind it. */
  readonly endpoint: string;
  /** Without credentials, for emulators and public buckets. */
  readonly isAnonymous: boolean;
  readonly cacheControl: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Parts of an upload are multiples of this, the last excepted; Google's rule. */
export const GCS_PART_UNIT_BYTES = 256 << 10;

const SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";
const WRITE_ID = "segno-write-id";

type Authorize = () => Promise<Record<string, string>>;

export async function openGcsBucket(options: GcsOptions): Promise<Bucket> {
  return new GcsBucket(options, options.isAnonymous ? anonymous : await authorization());
}

const anonymous: Authorize = () => Promise.resolve({});

/** Service account file, workload identity or the machine's account, as Google's defaults have it. */
async function authorization(): Promise<Authorize> {
  const { GoogleAuth } = await import("google-auth-library");
  const auth = new GoogleAuth({ scopes: [SCOPE] });
  return async () => Object.fromEntries(await auth.getRequestHeaders());
}

interface GcsObject {
  readonly name: string;
  readonly size: string;
  readonly generation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

class GcsBucket implements Bucket {
  readonly title: string;
  readonly #objects: string;
  readonly #uploads: string;
  readonly #client = Deno.createHttpClient({});

  constructor(readonly options: GcsOptions, readonly authorize: Authorize) {
    const bucket = encodeURIComponent(options.bucket);
    this.title = `gcs bucket ${options.bucket}`;
    this.#objects = `${options.endpoint}/storage/v1/b/${bucket}/o`;
    this.#uploads = `${options.endpoint}/upload/storage/v1/b/${bucket}/o`;
  }

  async get(key: string, range: ByteRange | undefined, attempt: Attempt): Promise<Uint8Array> {
    const headers: Record<string, string> = range === undefined ? {} : {
      range: `bytes=${range.offset}-${range.offset + range.sizeBytes - 1}`,
    };
    const answer = await this.#fetch(`${this.#object(key)}?alt=media`, { headers }, attempt);
    if (answer.status === 416) {
      await answer.body?.cancel();
      return new Uint8Array();
    }
    await throwUnless(answer, 200, 206);
    const length = answer.headers.get("content-length");
    try {
      return await readBody(
        {
          status: answer.status,
          body: answer.body,
          contentLength: length === null ? undefined : Number(length),
          contentRange: answer.headers.get("content-range") ?? undefined,
        },
        range,
        attempt,
      );
    } catch (error) {
      throw broken(error);
    }
  }

  async stat(key: string, attempt: Attempt): Promise<ObjectStat> {
    const fields = "size,metadata,generation";
    const answer = await this.#fetch(`${this.#object(key)}?fields=${fields}`, {}, attempt);
    await throwUnless(answer, 200);
    const { size, metadata, generation = "" } = await json<GcsObject>(answer);
    return { sizeBytes: Number(size), writeId: metadata?.[WRITE_ID], version: generation };
  }

  async put(key: string, bytes: Uint8Array, put: PutOptions, attempt: Attempt): Promise<void> {
    // One request with what is kept beside the bytes, then the bytes; see "multipart upload" there.
    const boundary = `segno-${put.writeId}`;
    const about = JSON.stringify(this.#kept(key, put.writeId));
    const body = new Blob([
      `--${boundary}\r\ncontent-type: application/json\r\n\r\n${about}\r\n` +
      `--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`,
      bytes as Uint8Array<ArrayBuffer>,
      `\r\n--${boundary}--\r\n`,
    ]);
    const generation = put.ifAbsent ? "0" : put.ifVersion;
    const condition = generation === undefined ? "" : `&ifGenerationMatch=${generation}`;
    const answer = await this.#fetch(`${this.#uploads}?uploadType=multipart${condition}`, {
      method: "POST",
      headers: { "content-type": `multipart/related; boundary=${boundary}` },
      body,
    }, attempt);
    await throwUnless(answer, 200, 201);
    await drain(answer);
  }

  async beginUpload(key: string, writeId: string, attempt: Attempt): Promise<Upload> {
    const answer = await this.#fetch(
      `${this.#uploads}?uploadType=resumable&name=${encodeURIComponent(key)}`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.#kept(key, writeId)),
      },
      attempt,
    );
    await throwUnless(answer, 200, 201);
    await drain(answer);
    const session = answer.headers.get("location");
    if (session === null) {
      throw new BucketFailure("refused", "upload has no location", answer.status);
    }
    return this.#upload(session);
  }

  #upload(session: string): Upload {
    /** Where each part begins: `begins[index]`. */
    const begins = [0];
    /** How much Google has; undefined after an answer that was not heard. */
    let storedBytes: number | undefined = 0;
    const send = async (range: string, body: Uint8Array | undefined, attempt: Attempt) => {
      storedBytes = undefined;
      const answer = await this.#fetch(session, {
        method: "PUT",
        headers: { "content-range": range },
        ...body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> },
        redirect: "manual", // 308 means "go on" here
      }, attempt);
      await throwUnless(answer, 200, 201, 308);
      await drain(answer);
      if (answer.status !== 308) return Infinity;
      const last = /(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
      return last === undefined ? 0 : Number(last) + 1;
    };
    return {
      part: async (index, bytes, isLast, attempt) => {
        const begin = begins[index]!;
        const end = begin + bytes.length;
        begins[index + 1] = end;
        storedBytes ??= await send("bytes */*", undefined, attempt);
        while (storedBytes < end) {
          const from: number = storedBytes;
          if (from < begin) {
            throw new BucketFailure("refused", `upload lost bytes from ${from} on`, undefined);
          }
          const range = `bytes ${from}-${end - 1}/${isLast ? end : "*"}`;
          storedBytes = await send(range, bytes.subarray(from - begin), attempt);
        }
        if (isLast && storedBytes !== Infinity) {
          throw new BucketFailure("weather", "upload was not completed", 308);
        }
      },
      complete: () => Promise.resolve(), // the last part did
      abort: async (attempt) => {
        const answer = await this.#fetch(session, { method: "DELETE" }, attempt);
        await drain(answer);
        // 499 is the answer to a cancelled upload; a server without them forgets sessions by itself.
        if (kindOfStatus(answer.status) === "weather") await throwUnless(answer, 499);
      },
    };
  }

  async list(
    prefix: string,
    delimiter: "/" | undefined,
    token: string | undefined,
    attempt: Attempt,
  ): Promise<Page> {
    const query = new URLSearchParams({
      prefix,
      fields: "nextPageToken,prefixes,items(name,size)",
      ...delimiter === undefined ? {} : { delimiter },
      ...token === undefined ? {} : { pageToken: token },
    });
    const answer = await this.#fetch(`${this.#objects}?${query}`, {}, attempt);
    // There is no key in this request: what is missing is the bucket.
    if (answer.status === 404) throw new BucketFailure("refused", await reason(answer), 404);
    await throwUnless(answer, 200);
    const page = await json<
      { items?: GcsObject[]; prefixes?: string[]; nextPageToken?: string }
    >(answer);
    return {
      objects: (page.items ?? []).map(({ name, size }) => ({ key: name, sizeBytes: Number(size) })),
      prefixes: page.prefixes ?? [],
      nextToken: page.nextPageToken || undefined,
    };
  }

  async delete(key: string, attempt: Attempt): Promise<void> {
    const answer = await this.#fetch(this.#object(key), { method: "DELETE" }, attempt);
    await throwUnless(answer, 200, 204, 404);
    await drain(answer);
  }

  close(): void {
    this.#client.close();
  }

  #object(key: string): string {
    return `${this.#objects}/${encodeURIComponent(key)}`;
  }

  #kept(key: string, writeId: string) {
    const { cacheControl, metadata } = this.options;
    return {
      name: key,
      contentType: "application/octet-stream",
      metadata: { ...metadata, [WRITE_ID]: writeId },
      ...cacheControl === "" ? {} : { cacheControl },
    };
  }

  async #fetch(url: string, request: RequestInit, { signal }: Attempt): Promise<Response> {
    try {
      const headers = { ...request.headers, ...await this.authorize() };
      return await fetch(url, { ...request, headers, signal, client: this.#client });
    } catch (error) {
      throw broken(error);
    }
  }
}

async function throwUnless(answer: Response, ...expected: number[]): Promise<void> {
  const { status } = answer;
  if (expected.includes(status)) return;
  throw new BucketFailure(kindOfStatus(status), await reason(answer), status);
}

const REASON_CHARACTERS_MAX = 300;

async function reason(answer: Response): Promise<string> {
  const text = await answer.text().catch(() => "");
  const said = /"message":\s*"([^"]*)"/.exec(text)?.[1] ?? text.slice(0, REASON_CHARACTERS_MAX);
  return `${answer.status} ${said}`.trim();
}

async function json<T>(answer: Response): Promise<T> {
  try {
    return await answer.json();
  } catch (error) {
    throw broken(error);
  }
}

/** Reads what is left, so that the connection can be used again. */
async function drain(answer: Response): Promise<void> {
  if (!answer.bodyUsed) await answer.arrayBuffer().catch(() => undefined);
}

/** What ended a request without an answer, or within it. */
function broken(error: unknown): BucketFailure {
  if (error instanceof BucketFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new BucketFailure("weather", message, undefined, { cause: error });
}
