// deno-lint-ignore-file no-console
// A process of its own, which trusts a certificate and has an environment of its own: writes and reads
// through a store that is entered with the identity found there. The container is made with the key.
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

import { openStore, type StoreConfig } from "../../storage/mod.ts";
import { AZURE_ACCOUNT, AZURE_KEY } from "./bucket_servers.ts";

type AzureStore = Extract<StoreConfig, { backend: "azure" }>;

const config = JSON.parse(Deno.env.get("STORE_CONFIG")!) as AzureStore;
const { url, container } = config.azure;
const key = new StorageSharedKeyCredential(AZURE_ACCOUNT, AZURE_KEY);
await new BlobServiceClient(url, key).getContainerClient(container).create();

const store = await openStore(config);
const bytes = Uint8Array.of(1, 2, 3);
await store.write("t/b/data", bytes);
const isSame = String(await store.read("t/b/data")) === String(bytes);
const { objects } = await store.list("t/");
if (isSame && objects.length === 1) console.log("read back what was written");
Deno.exit(0);
