// Opens the store that the configuration names. What a vendor's library costs to load is paid by those
// who configured that vendor.
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { type AzureOptions, openAzureBucket } from "./azure.ts";
import type { Bucket } from "./bucket.ts";
import { type GcsOptions, openGcsBucket } from "./gcs.ts";
import { ContentVersions } from "./content_versions.ts";
import { LocalObjectStore } from "./local.ts";
import type { ObjectStore } from "./object_store.ts";
import { RemoteObjectStore, type RemoteOptions } from "./remote_store.ts";
import { openS3Bucket, type S3Options } from "./s3.ts";
import type { VersionedStore } from "./versioned.ts";

/** Plain data: it crosses to workers, each of which opens the store for itself. */
export type StoreConfig =
  | { readonly backend: "local"; readonly local: { readonly path: string } }
  | { readonly backend: "s3"; readonly s3: S3Options; readonly remote: RemoteOptions }
  | { readonly backend: "gcs"; readonly gcs: GcsOptions; readonly remote: RemoteOptions }
  | { readonly backend: "azure"; readonly azure: AzureOptions; readonly remote: RemoteOptions };

/** The runtime is whose clock, chance and metrics are used. */
export async function openStore(
  config: StoreConfig,
  runtime: Runtime = createRuntime(),
): Promise<ObjectStore> {
  if (config.backend === "local") return await LocalObjectStore.open(config.local.path);
  return new RemoteObjectStore(runtime, await openBucket(config), config.remote);
}

/** The same objects, with versions. */
export function versionsOf(store: ObjectStore): VersionedStore {
  return store instanceof RemoteObjectStore ? store : new ContentVersions(store);
}

async function openBucket(
  config: Exclude<StoreConfig, { backend: "local" }>,
): Promise<Bucket> {
  switch (config.backend) {
    case "s3":
      return await openS3Bucket(config.s3);
    case "gcs":
      return await openGcsBucket(config.gcs);
    case "azure":
      return await openAzureBucket(config.azure);
  }
}
