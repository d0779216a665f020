// Opens the store that the configuration names.
import { LocalObjectStore } from "./local.ts";
import type { ObjectStore } from "./object_store.ts";

export interface StoreConfig {
  readonly backend: "local";
  readonly local: { readonly path: string };
}

export async function openStore(config: StoreConfig): Promise<ObjectStore> {
  return await LocalObjectStore.open(config.local.path);
}
