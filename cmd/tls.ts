// TLS as the configuration describes it, for servers and for those who call others.
// Rule: a key that would have to be obeyed for safety and cannot be is refused by its name, before anything starts.
import { Certificates, type PemSource } from "../lib/certificates.ts";
import type { ClientTls } from "../lib/client_channel.ts";
import { InputError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { ClientAuth, ServerTls } from "../lib/tls_listener.ts";
import type { Config } from "./config/mod.ts";

type ServerKeys = Config["server"]["http_tls_config"];
type ReceiverKeys = NonNullable<
  NonNullable<NonNullable<Config["distributor"]["receivers"]["otlp"]>["protocols"]["grpc"]>["tls"]
>;
/** Of a `grpc_client_config`. */
export type ClientKeys = Config["live_store_client"]["grpc_client_config"];

/** Who disposes of the certificates that are opened. */
export interface Owner {
  use<T extends Disposable>(value: T): T;
}

const VERIFYING: readonly ClientAuth[] = ["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"];
/** Of the library that speaks TLS here: never less than TLS 1.2, and only ciphers with forward secrecy. */
const CIPHERS =
  "which ciphers are offered is not to be chosen here: those of TLS 1.3, and of 1.2 " +
  "those with forward secrecy and authentication";

/** Throws InputError for what no file is needed to refuse. */
export function checkTls(config: Config): void {
  const { server, querier, live_store_client, backend_scheduler_client } = config;
  for (const name of ["http_tls_config", "grpc_tls_config"] as const) {
    checkServer(server[name], server, `server.${name}`);
  }
  for (const [path, keys] of receiverKeys(config)) checkReceiver(keys, path);
  checkClient(live_store_client.grpc_client_config, "live_store_client.grpc_client_config");
  checkClient(
    querier.frontend_worker.grpc_client_config,
    "querier.frontend_worker.grpc_client_config",
  );
  checkClient(
    backend_scheduler_client.grpc_client_config,
    "backend_scheduler_client.grpc_client_config",
  );
}

/** Undefined: in the clear. */
export function serverTls(
  runtime: Runtime,
  { server }: Config,
  name: "http_tls_config" | "grpc_tls_config",
  owner: Owner,
): ServerTls | undefined {
  const keys = server[name];
  const path = `server.${name}`;
  checkServer(keys, server, path);
  if (!isServerSet(keys)) return undefined;
  const certificates = owner.use(
    new Certificates(runtime, path, {
      cert: source(`${path}.cert_file`, keys.cert_file, keys.cert),
      key: source(`${path}.key_file`, keys.key_file, keys.key),
      ca: source(`${path}.client_ca_file`, keys.client_ca_file, keys.client_ca),
    }),
  );
  const clientAuth = keys.client_auth_type || "NoClientCert";
  return { certificates, clientAuth, isOnly13: server.tls_min_version === "VersionTLS13" };
}

/** Of a receiver, in the keys of the collector: who is to show a certificate follows from `client_ca_file`. */
export function receiverTls(
  runtime: Runtime,
  config: Config,
  protocol: "grpc" | "http",
  owner: Owner,
): ServerTls | undefined {
  const path = `distributor.receivers.otlp.protocols.${protocol}.tls`;
  const keys = config.distributor.receivers.otlp?.protocols[protocol]?.tls;
  if (keys === undefined) return undefined;
  checkReceiver(keys, path);
  const certificates = owner.use(
    new Certificates(runtime, path, {
      cert: source(`${path}.cert_file`, keys.cert_file, keys.cert_pem),
      key: source(`${path}.key_file`, keys.key_file, keys.key_pem),
      ca: source(`${path}.client_ca_file`, keys.client_ca_file, ""),
    }),
  );
  return {
    certificates,
    clientAuth: keys.client_ca_file === "" ? "NoClientCert" : "RequireAndVerifyClientCert",
    isOnly13: keys.min_version === "1.3",
  };
}

/** Undefined: in the clear. `path`: of the section. */
export function clientTls(
  runtime: Runtime,
  keys: ClientKeys,
  path: string,
  owner: Owner,
): ClientTls | undefined {
  checkClient(keys, path);
  if (!keys.tls_enabled) return undefined;
  const certificates = owner.use(
    new Certificates(runtime, path, {
      cert: source(`${path}.tls_cert_path`, keys.tls_cert_path, ""),
      key: source(`${path}.tls_key_path`, keys.tls_key_path, ""),
      ca: source(`${path}.tls_ca_path`, keys.tls_ca_path, ""),
    }),
  );
  return { certificates, serverName: keys.tls_server_name };
}

/** As a file that is read again each time, or as the configuration's own text. */
function source(name: string, path: string, text: string): PemSource | undefined {
  if (path !== "") return { name, read: () => Deno.readTextFileSync(path) };
  return text === "" ? undefined : { name, read: () => text };
}

function isServerSet({ cert_file, cert, key_file, key }: ServerKeys): boolean {
  return [cert_file, cert, key_file, key].some((text) => text !== "");
}

function checkServer(keys: ServerKeys, server: Config["server"], path: string): void {
  const { client_auth_type: clientAuth, client_ca_file, client_ca } = keys;
  const hasAuthority = client_ca_file !== "" || client_ca !== "";
  const asks = clientAuth !== "" && clientAuth !== "NoClientCert";
  if (!isServerSet(keys)) {
    if (hasAuthority) throw refused(`${path}.client_ca_file`, "is set without cert_file");
    if (asks) throw refused(`${path}.client_auth_type`, "is set without cert_file");
    return;
  }
  checkPresent(path, "cert_file", keys.cert_file || keys.cert, "key_file");
  checkPresent(path, "key_file", keys.key_file || keys.key, "cert_file");
  for (const name of ["cert", "key", "client_ca"] as const) {
    if (keys[name] !== "" && keys[`${name}_file`] !== "") {
      throw refused(`${path}.${name}`, `and ${name}_file are both set`);
    }
  }
  if (hasAuthority && !asks) {
    throw refused(
      `${path}.client_ca_file`,
      "is set and client_auth_type does not ask for certificates: nobody would be verified",
    );
  }
  if (!hasAuthority && VERIFYING.includes(clientAuth as ClientAuth)) {
    throw refused(
      `${path}.client_auth_type`,
      `is ${clientAuth}, and client_ca_file does not say by whom certificates are to be signed`,
    );
  }
  if (server.tls_cipher_suites !== "") throw refused("server.tls_cipher_suites", CIPHERS);
}

function checkReceiver(keys: ReceiverKeys, path: string): void {
  checkPresent(path, "cert_file", keys.cert_file || keys.cert_pem, "tls");
  checkPresent(path, "key_file", keys.key_file || keys.key_pem, "tls");
  for (const name of ["cert", "key"] as const) {
    if (keys[`${name}_file`] !== "" && keys[`${name}_pem`] !== "") {
      throw refused(`${path}.${name}_pem`, `and ${name}_file are both set`);
    }
  }
  if (keys.cipher_suites.length > 0) throw refused(`${path}.cipher_suites`, CIPHERS);
  if (keys.max_version === "1.2") {
    throw refused(`${path}.max_version`, "cannot be less than 1.3 here");
  }
}

function checkClient(keys: ClientKeys, path: string): void {
  if (!keys.tls_enabled) return;
  if (keys.tls_insecure_skip_verify) {
    throw refused(
      `${path}.tls_insecure_skip_verify`,
      "cannot be done: Deno's client always verifies; name the authority with tls_ca_path, and with " +
        "tls_server_name what certificates name",
    );
  }
  if (keys.tls_cipher_suites !== "") throw refused(`${path}.tls_cipher_suites`, CIPHERS);
  if (keys.tls_min_version === "VersionTLS13") {
    throw refused(
      `${path}.tls_min_version`,
      "is VersionTLS13, which Deno's client cannot insist on; server.tls_min_version can",
    );
  }
}

function* receiverKeys({ distributor }: Config): Generator<[string, ReceiverKeys]> {
  const { protocols } = distributor.receivers.otlp ?? {};
  for (const protocol of ["grpc", "http"] as const) {
    const tls = protocols?.[protocol]?.tls;
    if (tls !== undefined) yield [`distributor.receivers.otlp.protocols.${protocol}.tls`, tls];
  }
}

function checkPresent(path: string, name: string, value: string, because: string): void {
  if (value === "") throw refused(`${path}.${name}`, `is missing, and ${because} is set`);
}

const refused = (path: string, what: string) =>
  new InputError("failed_precondition", `${path} ${what}`);
