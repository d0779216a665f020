// The object store that the configuration names, as plain data that a worker can open too.
// Rule: what this version cannot do is refused by the key's name; nothing is done halfway.
import { InputError } from "../lib/errors.ts";
import type { StoreConfig } from "../storage/mod.ts";
import { blocksPath, type Config } from "./config/mod.ts";

type Trace = Config["storage"]["trace"];
type Of<B extends StoreConfig["backend"]> = Extract<StoreConfig, { backend: B }>;
type Remote = Of<"s3">["remote"];

/** Parts in memory: two of them for each block that is written. */
const PART_BYTES = 8 << 20;
/** What S3 takes, but for the last part. */
const S3_PART_BYTES_MIN = 5 << 20;
/** Google's unit of parts. */
const GCS_PART_UNIT_BYTES = 256 << 10;

/** Backends without keys of their own for it get S3's defaults. */
const RETRY = { attemptsMax: 10, backoff: { minMs: 200, maxMs: 1_000 } } as const;
/** Without a byte of an answer. */
const TIMEOUT_MS = 30_000;

const CHECKSUMS = ["CRC32", "CRC32C", "SHA1", "SHA256"] as const;

const GOOGLE = "https://storage.googleapis.com";

export function storeConfig(config: Config): StoreConfig {
  return storeConfigOf(config.storage.trace, "storage.trace", blocksPath(config));
}

/** Of what tenants' users have set. */
export function userOverridesStoreConfig(config: Config): StoreConfig {
  const { client } = config.overrides.user_configurable_overrides;
  const path = "overrides.user_configurable_overrides.client";
  return storeConfigOf(client, path, client.local.path);
}

interface StoreKeys extends Pick<Trace, "s3" | "gcs" | "azure"> {
  readonly backend: Trace["backend"] | "";
}

/** `path` of the section, for errors. */
function storeConfigOf(keys: StoreKeys, path: string, localPath: string): StoreConfig {
  try {
    switch (keys.backend) {
      case "s3":
        return s3Config(keys.s3);
      case "gcs":
        return gcsConfig(keys.gcs);
      case "azure":
        return azureConfig(keys.azure);
      case "local":
        if (localPath === "") refuse("local.path", "is empty");
        return { backend: "local", local: { path: localPath } };
      default:
        refuse("backend", "is empty");
    }
  } catch (error) {
    if (!(error instanceof RefusedKey)) throw error;
    throw new InputError("failed_precondition", `${path}.${error.message}`);
  }
}

function s3Config(keys: Trace["s3"]): StoreConfig {
  if (keys.bucket === "") refuse("s3.bucket", "is empty");
  if (keys.signature_v2) refuse("s3.signature_v2", "this version signs with version 4 only");
  const checksum = CHECKSUMS.find((one) => one === keys.checksum_type.toUpperCase());
  if (keys.checksum_type !== "" && checksum === undefined) {
    refuse("s3.checksum_type", `must be one of ${CHECKSUMS.join(", ")}`);
  }
  if (keys.retry_max_attempts === 0) refuse("s3.retry_max_attempts", "must be above 0");
  if ((keys.access_key === "") !== (keys.secret_key === "")) {
    refuse(
      keys.access_key === "" ? "s3.access_key" : "s3.secret_key",
      "is empty, the other is not",
    );
  }
  const endpoint = withScheme(keys.endpoint, keys.insecure);
  const amazon = /^https?:\/\/s3(?:[.-](?:dualstack\.)?([a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?\/?$/
    .exec(endpoint);
  const isAmazon = endpoint === "" || amazon !== null;
  // Elsewhere the region is a word in the signature, and this one is understood.
  const region = keys.region || amazon?.[1] || (endpoint === "" ? "" : "us-east-1");
  return {
    backend: "s3",
    s3: {
      bucket: keys.bucket,
      endpoint: endpoint === "" || isAmazon && !keys.insecure ? undefined : endpoint,
      region: region || undefined,
      // 0: by the host, as only Amazon is sure to have names of buckets in its own; 1: DNS; 2: path.
      isPathStyle: keys.forcepathstyle || keys.bucket_lookup_type === 2 ||
        keys.bucket_lookup_type === 0 && !isAmazon,
      isDualStack: keys.enable_dual_stack,
      credentials: keys.access_key === "" ? undefined : {
        accessKeyId: keys.access_key,
        secretAccessKey: keys.secret_key,
        sessionToken: keys.session_token || undefined,
      },
      storageClass: keys.storage_class,
      tags: keys.tags,
      metadata: keys.metadata,
      sse: s3Encryption(keys.sse),
      checksum,
      tls: s3Tls(keys),
    },
    remote: {
      prefix: keys.prefix,
      partBytes: Math.max(S3_PART_BYTES_MIN, keys.part_size || PART_BYTES),
      retry: {
        attemptsMax: keys.retry_max_attempts,
        backoff: { minMs: keys.retry_backoff_initial, maxMs: keys.retry_backoff_max },
      },
      hedge: hedge(keys),
      timeoutMs: TIMEOUT_MS,
    },
  };
}

function s3Encryption(keys: Trace["s3"]["sse"]): Of<"s3">["s3"]["sse"] {
  switch (keys.type) {
    case "":
      return undefined;
    case "SSE-S3":
      return { type: "SSE-S3" };
    case "SSE-KMS":
      return { type: "SSE-KMS", keyId: keys.kms_key_id, context: keys.kms_encryption_context };
    case "SSE-C":
      if (new TextEncoder().encode(keys.encryption_key).length !== 32) {
        refuse("s3.sse.encryption_key", "must have 32 bytes");
      }
      return { type: "SSE-C", key: keys.encryption_key };
  }
}

function s3Tls(keys: Trace["s3"]): Of<"s3">["s3"]["tls"] {
  const tls = {
    caPath: keys.tls_ca_path,
    certPath: keys.tls_cert_path,
    keyPath: keys.tls_key_path,
    serverName: keys.tls_server_name,
    isUnverified: keys.tls_insecure_skip_verify,
  };
  return Object.values(tls).some((value) => value !== "" && value !== false) ? tls : undefined;
}

function gcsConfig(keys: Trace["gcs"]): StoreConfig {
  if (keys.bucket_name === "") refuse("gcs.bucket_name", "is empty");
  const units = Math.ceil((keys.chunk_buffer_size || PART_BYTES) / GCS_PART_UNIT_BYTES);
  return {
    backend: "gcs",
    gcs: {
      bucket: keys.bucket_name,
      // Written with the API's path, as its client libraries take it; uploads have another.
      endpoint: withScheme(keys.endpoint || GOOGLE, false).replace(/\/(storage\/v1\/?)?$/, ""),
      isAnonymous: keys.insecure,
      cacheControl: keys.object_cache_control,
      metadata: keys.object_metadata,
    },
    remote: {
      prefix: keys.prefix,
      partBytes: units * GCS_PART_UNIT_BYTES,
      retry: { ...RETRY, attemptsMax: keys.max_retries + 1 },
      hedge: hedge(keys),
      timeoutMs: TIMEOUT_MS,
    },
  };
}

function azureConfig(keys: Trace["azure"]): StoreConfig {
  if (keys.container_name === "") refuse("azure.container_name", "is empty");
  if (keys.storage_account_name === "") refuse("azure.storage_account_name", "is empty");
  const auth = azureAuth(keys);
  return {
    backend: "azure",
    azure: {
      url: azureUrl(keys.storage_account_name, keys.endpoint_suffix),
      container: keys.container_name,
      auth,
    },
    remote: {
      prefix: keys.prefix,
      partBytes: keys.buffer_size || PART_BYTES,
      retry: RETRY,
      hedge: hedge(keys),
      timeoutMs: TIMEOUT_MS,
    },
  };
}

function azureAuth(keys: Trace["azure"]): Of<"azure">["azure"]["auth"] {
  if (keys.use_federated_token) return { kind: "federated_token" };
  if (keys.use_managed_identity) {
    return { kind: "managed_identity", clientId: keys.user_assigned_id };
  }
  if (keys.storage_account_key === "") {
    refuse(
      "azure.storage_account_key",
      "is empty, and neither use_federated_token nor use_managed_identity is set",
    );
  }
  return {
    kind: "key",
    accountName: keys.storage_account_name,
    accountKey: keys.storage_account_key,
  };
}

/** An account is a host below Azure's own suffixes and a path on an emulator. */
function azureUrl(account: string, suffix: string): string {
  if (suffix.startsWith("blob.")) return `https://${account}.${suffix}`;
  return `${withScheme(suffix, true)}/${account}`;
}

function withScheme(endpoint: string, isInsecure: boolean): string {
  if (endpoint === "" || /^https?:\/\//.test(endpoint)) return endpoint;
  return `${isInsecure ? "http" : "https"}://${endpoint}`;
}

function hedge(
  keys: { readonly hedge_requests_at: number; readonly hedge_requests_up_to: number },
): Remote["hedge"] {
  return { atMs: keys.hedge_requests_at, upTo: keys.hedge_requests_up_to };
}

/** The key is below whatever section the store is of. */
class RefusedKey extends Error {}

function refuse(key: string, reason: string): never {
  throw new RefusedKey(`${key}: ${reason}`);
}
