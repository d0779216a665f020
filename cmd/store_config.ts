// The object store that the configuration names, as plain data that a worker can open too.
import { InputError } from "../lib/errors.ts";
import type { StoreConfig } from "../storage/mod.ts";
import { blocksPath, type Config } from "./config/mod.ts";

export function storeConfig(config: Config): StoreConfig {
  const { backend } = config.storage.trace;
  if (backend !== "local" && String(backend) !== "") {
    throw new InputError(
      "failed_precondition",
      `storage.trace.backend is ${JSON.stringify(backend)}: this version has local only`,
    );
  }
  return { backend: "local", local: { path: blocksPath(config) } };
}
