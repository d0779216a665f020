// Containers of Azure Blob Storage. The vendor's client signs and parses; its own retries are off, for
// the store's are bounded and measured.
// The home of @azure/storage-blob and @azure/identity; loaded when such a store is opened, never before.
import type { TokenCredential } from "@azure/identity";
import type {
  BlobDownloadResponseParsed,
  ContainerClient,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
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

export interface AzureOptions {
  /** Of the account: `https://<account>.blob.core.windows.net`. */
  readonly url: string;
  readonly container: string;
  readonly auth: AzureAuth;
}

export type AzureAuth =
  | { readonly kind: "key"; readonly accountName: string; readonly accountKey: string }
  /** The machine's identity, or of those assigned to it the one with this client id. */
  | { readonly kind: "managed_identity"; readonly clientId: string }
  /** The token that a workload is given in a file: AZURE_CLIENT_ID, AZURE_TENANT_ID, …_TOKEN_FILE. */
  | { readonly kind: "federated_token" };

/** Metadata names are identifiers there. */
const WRITE_ID = "segno_write_id";
const LIST_PAGE_SIZE = 5000;

export async function openAzureBucket(options: AzureOptions): Promise<Bucket> {
  const { BlobServiceClient } = await import("@azure/storage-blob");
  const credential = await credentialOf(options.auth);
  const service = new BlobServiceClient(options.url, credential, { retryOptions: { maxTries: 1 } });
  return new AzureBucket(service.getContainerClient(options.container));
}

/** Tokens are renewed by the vendor's library, which is loaded for them alone: it is the largest of all. */
async function credentialOf(
  auth: AzureAuth,
): Promise<StorageSharedKeyCredential | TokenCredential> {
  if (auth.kind === "key") {
    const { StorageSharedKeyCredential } = await import("@azure/storage-blob");
    return new StorageSharedKeyCredential(auth.accountName, auth.accountKey);
  }
  const { ManagedIdentityCredential, WorkloadIdentityCredential } = await import("@azure/identity");
  if (auth.kind === "federated_token") {
    // The environment says who gives tokens; a private cloud cannot ask a public host whether it does.
    return new WorkloadIdentityCredential({ disableInstanceDiscovery: true });
  }
  const { clientId } = auth;
  return new ManagedIdentityCredential(clientId === "" ? {} : { clientId });
}

class AzureBucket implements Bucket {
  readonly title: string;

  constructor(readonly container: ContainerClient) {
    this.title = `azure container ${container.containerName}`;
  }

  async get(key: string, range: ByteRange | undefined, attempt: Attempt): Promise<Uint8Array> {
    let answer: BlobDownloadResponseParsed;
    try {
      const blob = this.container.getBlobClient(key);
      answer = await blob.download(range?.offset ?? 0, range?.sizeBytes, {
        abortSignal: attempt.signal,
        maxRetryRequests: 0,
      });
    } catch (error) {
      if (statusOf(error) === 416) return new Uint8Array();
      throw failure(error);
    }
    const body = answer.readableStreamBody as NodeStream | undefined;
    const leave = () => body?.destroy();
    attempt.signal.addEventListener("abort", leave);
    try {
      return await readBody(
        {
          status: answer._response.status,
          body,
          contentLength: answer.contentLength,
          contentRange: answer.contentRange,
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

  async stat(key: string, { signal }: Attempt): Promise<ObjectStat> {
    const blob = this.container.getBlobClient(key);
    const { contentLength = 0, etag = "", metadata } = await sent(
      blob.getProperties({ abortSignal: signal }),
    );
    return { sizeBytes: contentLength, writeId: metadata?.[WRITE_ID], version: etag };
  }

  async put(
    key: string,
    bytes: Uint8Array,
    { ifAbsent, ifVersion, writeId }: PutOptions,
    { signal }: Attempt,
  ): Promise<void> {
    const blob = this.container.getBlockBlobClient(key);
    await sent(blob.upload(bytes as Uint8Array<ArrayBuffer>, bytes.length, {
      abortSignal: signal,
      metadata: { [WRITE_ID]: writeId },
      conditions: {
        ...ifAbsent ? { ifNoneMatch: "*" } : {},
        ...ifVersion === undefined ? {} : { ifMatch: ifVersion },
      },
    }));
  }

  beginUpload(key: string, writeId: string): Promise<Upload> {
    const blob = this.container.getBlockBlobClient(key);
    // Ids of one length, as Azure asks, and of this upload alone: two writers do not mix their blocks.
    const blockId = (index: number) => btoa(`${writeId}-${String(index).padStart(6, "0")}`);
    let blocks = 0;
    return Promise.resolve({
      part: async (index, bytes, _isLast, { signal }) => {
        const body = bytes as Uint8Array<ArrayBuffer>;
        await sent(blob.stageBlock(blockId(index), body, body.length, { abortSignal: signal }));
        blocks = index + 1;
      },
      complete: async ({ signal }) => {
        const ids = Array.from({ length: blocks }, (_, index) => blockId(index));
        const metadata = { [WRITE_ID]: writeId };
        await sent(blob.commitBlockList(ids, { abortSignal: signal, metadata }));
      },
      // Blocks that no list was committed of are not an object; Azure drops them after a week.
      abort: () => Promise.resolve(),
    });
  }

  async list(
    prefix: string,
    delimiter: "/" | undefined,
    token: string | undefined,
    { signal }: Attempt,
  ): Promise<Page> {
    const options = { prefix, abortSignal: signal };
    const pages = {
      maxPageSize: LIST_PAGE_SIZE,
      ...token === undefined ? {} : { continuationToken: token },
    };
    if (delimiter === undefined) {
      const page = await sent(firstOf(this.container.listBlobsFlat(options).byPage(pages)), "404");
      const { segment, continuationToken } = page;
      return {
        objects: segment.blobItems.map(toObject),
        prefixes: [],
        nextToken: continuationToken || undefined,
      };
    }
    const listed = this.container.listBlobsByHierarchy(delimiter, options).byPage(pages);
    const { segment, continuationToken } = await sent(firstOf(listed), "404");
    return {
      objects: segment.blobItems.map(toObject),
      prefixes: (segment.blobPrefixes ?? []).map(({ name }) => name),
      nextToken: continuationToken || undefined,
    };
  }

  async delete(key: string, { signal }: Attempt): Promise<void> {
    await sent(this.container.getBlobClient(key).deleteIfExists({ abortSignal: signal }));
  }

  close(): void {
    // The client's agent lets go of idle connections by itself.
  }
}

interface NodeStream extends AsyncIterable<Uint8Array> {
  destroy(): void;
}

interface BlobItem {
  readonly name: string;
  readonly properties: { readonly contentLength?: number };
}

function toObject({ name, properties }: BlobItem): { key: string; sizeBytes: number } {
  return { key: name, sizeBytes: properties.contentLength ?? 0 };
}

async function firstOf<T>(pages: AsyncIterableIterator<T>): Promise<T> {
  return (await pages.next()).value;
}

/** Failures as the store knows them. */
async function sent<T>(answer: Promise<T>, noKey?: "404"): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const told = failure(error);
    if (noKey === "404" && told.kind === "missing") {
      throw new BucketFailure("refused", told.message, told.status, { cause: error });
    }
    throw told;
  }
}

/** Error codes whose status alone would mislead. */
const KINDS: Readonly<Record<string, FailureKind>> = {
  BlobAlreadyExists: "exists",
  BlobNotFound: "missing",
  ContainerNotFound: "refused",
  ContainerBeingDeleted: "refused",
  ConditionNotMet: "exists",
  ServerBusy: "weather",
  OperationTimedOut: "weather",
};

function failure(error: unknown): BucketFailure {
  if (error instanceof BucketFailure) return error;
  const status = statusOf(error);
  const { code, message } = error as { code?: string; message?: string };
  const kind = KINDS[code ?? ""] ?? (status === undefined ? "weather" : kindOfStatus(status));
  // The message goes on with times and ids of the request.
  const told = [status, code, message?.split("\n")[0]];
  const text = told.filter((part) => part !== undefined && part !== "").join(" ");
  return new BucketFailure(kind, text, status, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number } | null)?.statusCode;
}
