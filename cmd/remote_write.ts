// The endpoints of remote writes that the configuration names.
// Rules: what this version cannot do is refused by the key's name; certificates are read when the process starts,
// passwords and tokens in files for each request.
import { createHash } from "node:crypto";

import {
  type EndpointAuth,
  type EndpointSettings,
  type EndpointTls,
  Relabelling,
  type RelabelRule,
  type Secret,
} from "../generator/mod.ts";
import { InputError } from "../lib/errors.ts";
import type { Config } from "./config/mod.ts";

type Entry = Config["metrics_generator"]["storage"]["remote_write"][number];

/** Requests of one collection at a time: an endpoint far away takes 20 ms for each 2,000 samples. */
const AT_ONCE_MAX = 8;
const PROTOCOL = "prometheus.WriteRequest";

export function remoteWriteEndpoints(
  config: Config,
  readFile: (path: string) => string,
): EndpointSettings[] {
  const endpoints = config.metrics_generator.storage.remote_write.map((entry, i) =>
    endpointOf(entry, `metrics_generator.storage.remote_write[${i}]`, readFile)
  );
  const names = endpoints.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    refuse("metrics_generator.storage.remote_write", `two entries are ${twice}: give them names`);
  }
  return endpoints;
}

function endpointOf(
  entry: Entry,
  path: string,
  readFile: (path: string) => string,
): EndpointSettings {
  checkDoable(entry, path);
  const { queue_config: queue } = entry;
  return {
    // What is acknowledged is kept under it, so it stays when anything but the address changes.
    name: entry.name || createHash("md5").update(entry.url).digest("hex").slice(0, 6),
    url: entry.url,
    headers: entry.headers,
    auth: authOf(entry, path),
    tls: tlsOf(entry, path, readFile),
    timeoutMs: entry.remote_timeout,
    sendsExemplars: entry.send_exemplars,
    sendsNativeHistograms: entry.send_native_histograms,
    relabelling: relabellingOf(entry, path),
    queue: {
      samplesMax: Math.max(1, queue.max_samples_per_send),
      atOnce: Math.min(AT_ONCE_MAX, Math.max(1, queue.max_shards)),
      backoffMinMs: Math.max(1, queue.min_backoff),
      backoffMaxMs: Math.max(1, queue.max_backoff),
      retriesOn429: queue.retry_on_http_429,
      ageMaxMs: queue.sample_age_limit,
    },
  };
}

function checkDoable(entry: Entry, path: string): void {
  if (!/^https?:\/\/[^/]/.test(entry.url) || !URL.canParse(entry.url)) {
    refuse(`${path}.url`, `${JSON.stringify(entry.url)} is no address of http`);
  }
  for (const name of ["oauth2", "sigv4", "azuread", "google_iam"] as const) {
    if (Object.keys(entry[name]).length > 0) refuse(`${path}.${name}`, "is not in this version");
  }
  if (entry.proxy_url !== "" || entry.proxy_from_environment) {
    refuse(`${path}.proxy_url`, "is not in this version");
  }
  if (entry.protobuf_message !== PROTOCOL) {
    refuse(`${path}.protobuf_message`, `${entry.protobuf_message} is not in this version`);
  }
}

function authOf(entry: Entry, path: string): EndpointAuth | undefined {
  const { basic_auth: basic, authorization, bearer_token, bearer_token_file } = entry;
  const bearer = bearer_token !== "" || bearer_token_file !== "";
  const ways = [basic !== undefined, authorization !== undefined, bearer].filter((way) => way);
  if (ways.length > 1) refuse(path, "has more than one of basic_auth, authorization, bearer_token");
  if (basic !== undefined) {
    return {
      kind: "basic",
      username: secretOf(basic.username, basic.username_file, `${path}.basic_auth.username`),
      password: secretOf(basic.password, basic.password_file, `${path}.basic_auth.password`),
    };
  }
  if (authorization !== undefined) {
    const { type, credentials, credentials_file } = authorization;
    if (type.toLowerCase() === "basic") refuse(`${path}.authorization.type`, "use basic_auth");
    const at = `${path}.authorization.credentials`;
    return { kind: "header", type, credentials: secretOf(credentials, credentials_file, at) };
  }
  if (!bearer) return undefined;
  const credentials = secretOf(bearer_token, bearer_token_file, `${path}.bearer_token`);
  return { kind: "header", type: "Bearer", credentials };
}

function secretOf(text: string, file: string, path: string): Secret {
  if (text !== "" && file !== "") refuse(path, `and ${path}_file are both set`);
  return file !== "" ? { from: "file", path: file } : { from: "value", text };
}

function tlsOf(
  { tls_config: keys }: Entry,
  path: string,
  readFile: (path: string) => string,
): EndpointTls | undefined {
  const { server_name, insecure_skip_verify: isUnverified, min_version } = keys;
  const pem = (name: "ca" | "cert" | "key"): string | undefined => {
    const [text, file] = [keys[name], keys[`${name}_file`]];
    if (text !== "" && file !== "") {
      refuse(`${path}.tls_config.${name}`, `and ${name}_file are both set`);
    }
    if (text !== "") return text;
    return file === "" ? undefined : readFile(file);
  };
  const [ca, cert, key] = [pem("ca"), pem("cert"), pem("key")];
  if ((cert === undefined) !== (key === undefined)) {
    refuse(`${path}.tls_config`, "a certificate needs its key, and a key its certificate");
  }
  const minVersion = min_version === "" ? undefined : versionOf(min_version, path);
  const serverName = server_name || undefined;
  const all = [ca, cert, serverName, minVersion, isUnverified || undefined];
  if (all.every((one) => one === undefined)) return undefined;
  return { ca, cert, key, serverName, isUnverified, minVersion };
}

/** `TLS12` is TLS 1.2. */
function versionOf(text: string, path: string): EndpointTls["minVersion"] {
  const digit = /^TLS1([0-3])$/.exec(text)?.[1];
  if (digit === undefined) {
    refuse(`${path}.tls_config.min_version`, `${text} is none of TLS10 to TLS13`);
  }
  return digit === "0" ? "TLSv1" : `TLSv1.${digit as "1" | "2" | "3"}`;
}

function relabellingOf({ write_relabel_configs: rules }: Entry, path: string): RelabelRule[] {
  return rules.map((keys, i) => {
    const rule: RelabelRule = {
      sourceLabels: keys.source_labels,
      separator: keys.separator,
      regex: keys.regex,
      modulus: keys.modulus,
      targetLabel: keys.target_label,
      replacement: keys.replacement,
      action: keys.action,
    };
    try {
      new Relabelling([rule]);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refuse(`${path}.write_relabel_configs[${i}]`, error.message);
    }
    return rule;
  });
}

function refuse(key: string, reason: string): never {
  throw new InputError("failed_precondition", `${key}: ${reason}`);
}
