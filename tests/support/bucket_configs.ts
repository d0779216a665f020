// Store configurations for the servers of bucket_servers.ts.
import type { StoreConfig } from "../../storage/mod.ts";
import { S3_KEYS } from "./bucket_servers.ts";

type S3Store = Extract<StoreConfig, { backend: "s3" }>;

export function s3Config(
  { url }: { readonly url: string },
  bucket: string,
  remote: S3Store["remote"],
): S3Store {
  return {
    backend: "s3",
    s3: {
      bucket,
      endpoint: url,
      region: "us-east-1",
      isPathStyle: true,
      isDualStack: false,
      credentials: { ...S3_KEYS, sessionToken: undefined },
      storageClass: "",
      tags: {},
      metadata: {},
      sse: undefined,
      checksum: undefined,
      tls: undefined,
    },
    remote,
  };
}
