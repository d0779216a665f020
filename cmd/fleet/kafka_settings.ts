// The Kafka log that the configuration names, as plain data that threads open each for themselves.
// Rule: what this version cannot do is refused by the key's name.
import { InputError } from "../../lib/errors.ts";
import type {
  KafkaSaslSettings,
  KafkaSettings,
  KafkaTls,
  KafkaTokenSource,
} from "../../wal/kafka/mod.ts";
import type { Config } from "../config/mod.ts";

type Keys = Config["ingest"]["kafka"];

/** Of the records of one partition in one request; brokers take a megabyte by default, then it is halved. */
const BATCH_BYTES_MAX = 16 << 20;
/** Spans compress to a quarter, and a broker's disk and network cost more than that does. */
const COMPRESSION = "snappy";

/** `clientId`: where the configuration names none. `readFile` reads certificates. */
export function kafkaSettings(
  config: Config,
  clientId: string,
  readFile: (path: string) => string,
): KafkaSettings {
  const { kafka: keys } = config.ingest;
  return {
    brokers: keys.address.split(",").map((address) => address.trim()).filter((one) => one !== ""),
    topic: keys.topic,
    clientId: keys.client_id || clientId,
    clientRack: keys.client_rack || undefined,
    dialTimeoutMs: keys.dial_timeout,
    writeTimeoutMs: keys.write_timeout,
    sasl: sasl(keys),
    tls: tls(keys, readFile),
    createPartitions: keys.auto_create_topic_enabled
      ? keys.auto_create_topic_default_partitions
      : undefined,
    recordBytesMax: keys.producer_max_record_size_bytes,
    batchBytesMax: BATCH_BYTES_MAX,
    bufferedBytesMax: keys.producer_max_buffered_bytes || Infinity,
    compression: keys.producer_compression || COMPRESSION,
  };
}

function sasl(keys: Keys): KafkaSaslSettings | undefined {
  const { sasl_mechanism: mechanism, sasl_username, sasl_password } = keys;
  // The peer takes a user name without a mechanism for PLAIN.
  const isPlain = mechanism === "" && sasl_username !== "";
  if (isPlain || mechanism === "PLAIN" || mechanism.startsWith("SCRAM")) {
    if (sasl_username === "") refuse("sasl_username", `is empty, and ${mechanism} needs one`);
    return {
      mechanism: isPlain ? "PLAIN" : mechanism as "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512",
      username: sasl_username,
      password: sasl_password,
    };
  }
  if (mechanism === "") return undefined;
  if (mechanism === "AWS_MSK_IAM") {
    refuse("sasl_mechanism", "AWS_MSK_IAM is not in this version: use SCRAM-SHA-512 or TLS");
  }
  return {
    mechanism: "OAUTHBEARER",
    token: tokenSource(keys),
    extensions: extensions(keys),
  };
}

function tokenSource(keys: Keys): KafkaTokenSource {
  if (keys.sasl_oauthbearer_token !== "") {
    return { from: "value", token: keys.sasl_oauthbearer_token };
  }
  if (keys.sasl_oauthbearer_file_path !== "") {
    return { from: "file", path: keys.sasl_oauthbearer_file_path };
  }
  if (keys.sasl_oauthbearer_http_socket_path === "") {
    refuse("sasl_mechanism", "OAUTHBEARER needs a token, a file or a socket to have it from");
  }
  return {
    from: "socket",
    path: keys.sasl_oauthbearer_http_socket_path,
    timeoutMs: keys.sasl_oauthbearer_http_socket_timeout,
  };
}

/** `name=value,name=value`; an authorization identity is one of them to the client. */
function extensions(keys: Keys): Record<string, string> {
  const named = keys.sasl_oauthbearer_extensions.split(",").filter((one) => one.trim() !== "");
  const pairs = named.map((one) => {
    const at = one.indexOf("=");
    if (at <= 0) refuse("sasl_oauthbearer_extensions", `expected name=value, not ${one}`);
    return [one.slice(0, at).trim(), one.slice(at + 1).trim()] as const;
  });
  if (keys.sasl_oauthbearer_zid !== "") {
    refuse("sasl_oauthbearer_zid", "an authorization identity is not in this version");
  }
  return Object.fromEntries(pairs);
}

function tls(keys: Keys, readFile: (path: string) => string): KafkaTls | undefined {
  const isWanted = keys.tls_enabled || keys.tls_ca_path !== "" || keys.tls_cert_path !== "";
  if (!isWanted) return undefined;
  if ((keys.tls_cert_path === "") !== (keys.tls_key_path === "")) {
    refuse(keys.tls_cert_path === "" ? "tls_cert_path" : "tls_key_path", "is empty, the other not");
  }
  const read = (path: string) => path === "" ? undefined : readFile(path);
  return {
    ca: read(keys.tls_ca_path),
    cert: read(keys.tls_cert_path),
    key: read(keys.tls_key_path),
    serverName: keys.tls_server_name || undefined,
    isUnverified: keys.tls_insecure_skip_verify,
  };
}

function refuse(key: string, reason: string): never {
  throw new InputError("failed_precondition", `ingest.kafka.${key}: ${reason}`);
}
