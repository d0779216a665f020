// Flags that name a store without a configuration file, as flags of the configuration: whatever
// backend is meant, `--bucket` is its bucket, container or folder.
// Rule: a flag that means nothing for the backend is refused, not ignored.

import { InputError } from "../../lib/errors.ts";
import { type Config, loadConfig, type LoadInput } from "../config/mod.ts";
import type { FlagSpec } from "./command.ts";
import type { FlagValues } from "./flag_values.ts";

export const STORE_FLAGS: readonly FlagSpec[] = [
  {
    name: "config-file",
    short: "c",
    kind: "text",
    value: "file",
    help: "the process's configuration; also -config.file",
  },
  { name: "backend", kind: "text", value: "name", help: "local, s3, gcs or azure" },
  {
    name: "bucket",
    kind: "text",
    value: "name",
    help: "bucket, container, or folder of a local store",
  },
  { name: "path", kind: "text", value: "folder", help: "folder of a local store" },
  { name: "prefix", kind: "text", value: "text", help: "below which the blocks lie" },
  { name: "endpoint", kind: "text", value: "address", help: "host:port or URL of the store" },
  { name: "region", kind: "text", value: "name", help: "of S3" },
  { name: "access-key", kind: "text", value: "id", help: "of S3; else the environment or role" },
  { name: "secret-key", kind: "text", value: "key", help: "of S3" },
  { name: "account-name", kind: "text", value: "name", help: "of Azure" },
  { name: "account-key", kind: "text", value: "key", help: "of Azure" },
  { name: "insecure", kind: "switch", help: "http to S3, no credentials to GCS" },
  { name: "path-style", kind: "switch", help: "the bucket in S3's path, not its host" },
];

type Backend = Config["storage"]["trace"]["backend"];

/** Below `storage.trace`, as the configuration calls them. */
const KEYS: Readonly<Record<string, Readonly<Partial<Record<Backend, string>>>>> = {
  "bucket": {
    local: "local.path",
    s3: "s3.bucket",
    gcs: "gcs.bucket-name",
    azure: "azure.container-name",
  },
  "path": { local: "local.path" },
  "prefix": { s3: "s3.prefix", gcs: "gcs.prefix", azure: "azure.prefix" },
  "endpoint": { s3: "s3.endpoint", gcs: "gcs.endpoint", azure: "azure.endpoint-suffix" },
  "region": { s3: "s3.region" },
  "access-key": { s3: "s3.access-key" },
  "secret-key": { s3: "s3.secret-key" },
  "account-name": { azure: "azure.storage-account-name" },
  "account-key": { azure: "azure.storage-account-key" },
  "insecure": { s3: "s3.insecure", gcs: "gcs.insecure" },
  "path-style": { s3: "s3.forcepathstyle" },
};

const ENDPOINT = /^(https?:\/\/)?[^/\s]+(\/.*)?$/;

export function configOf(
  flags: FlagValues,
  configArgs: readonly string[],
  input: Omit<LoadInput, "args">,
): Config {
  const args = [...configArgs];
  const file = flags.text("config-file");
  if (file !== undefined) args.push(`-config.file=${file}`);
  const backend = flags.text("backend");
  if (backend !== undefined) args.push(`-storage.trace.backend=${backend}`);
  const { config } = loadConfig({ ...input, args });
  const own = storeArgs(flags, config.storage.trace.backend);
  return own.length === 0 ? config : loadConfig({ ...input, args: [...args, ...own] }).config;
}

function storeArgs(flags: FlagValues, backend: Backend): string[] {
  return Object.entries(KEYS).flatMap(([name, keys]) => {
    if (!flags.has(name)) return [];
    const key = keys[backend];
    if (key === undefined) {
      const backends = Object.keys(keys).join(", ");
      throw refused(`flag --${name} is for ${backends}; the backend is ${backend}`);
    }
    const value = flags.text(name) ?? "true";
    if (name === "endpoint" && !ENDPOINT.test(value)) {
      throw refused(`flag --endpoint: expected host:port or a URL, not ${JSON.stringify(value)}`);
    }
    return [`-storage.trace.${key}=${value}`];
  });
}

const refused = (message: string) => new InputError("invalid_argument", message);
