// How a Kafka log is reached and how much it may hold, all spelled out, and what the client library
// wants to hear of it. Retries are the library's, bounded by `writeTimeoutMs`; ours begin above.
import type { BaseOptions } from "@platformatic/kafka";

export type KafkaCompression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

export type KafkaSasl =
  | {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: string;
  }
  | {
    readonly mechanism: "OAUTHBEARER";
    /** Asked at each connection, for tokens expire. */
    readonly token: () => Promise<string>;
    readonly extensions: Readonly<Record<string, string>>;
  };

export interface KafkaTls {
  /** PEM; undefined: the system's authorities. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Undefined: the broker's own name. */
  readonly serverName: string | undefined;
  readonly isUnverified: boolean;
}

export interface KafkaLogOptions {
  /** `host:port` */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly clientId: string;
  readonly clientRack: string | undefined;
  readonly dialTimeoutMs: number;
  /** How long an append may take with all its retries. */
  readonly writeTimeoutMs: number;
  readonly sasl: KafkaSasl | undefined;
  readonly tls: KafkaTls | undefined;
  /** Undefined: the topic must be there. */
  readonly createPartitions: number | undefined;
  /** Of one value. */
  readonly recordBytesMax: number;
  /** Of the records of one partition in one request. A broker may want fewer, then they are halved. */
  readonly batchBytesMax: number;
  /** Of all values that are not acknowledged yet; beyond it appends are refused for now. */
  readonly bufferedBytesMax: number;
  readonly compression: KafkaCompression;
}

export const RETRY_DELAY_MS = 250;

export function clientOptions(options: KafkaLogOptions): BaseOptions {
  const { tls, sasl, clientRack } = options;
  return {
    clientId: options.clientId,
    bootstrapBrokers: [...options.brokers],
    connectTimeout: options.dialTimeoutMs,
    requestTimeout: Math.max(5_000, options.writeTimeoutMs),
    timeout: options.writeTimeoutMs,
    retries: Math.max(2, Math.ceil(options.writeTimeoutMs / RETRY_DELAY_MS)),
    retryDelay: RETRY_DELAY_MS,
    ...clientRack === undefined ? {} : { clientRack },
    ...tls === undefined ? {} : { tls: tlsOptions(tls), tlsServerName: tls.serverName ?? true },
    ...sasl === undefined ? {} : { sasl: saslOptions(sasl) },
  };
}

function tlsOptions({ ca, cert, key, isUnverified }: KafkaTls): NonNullable<BaseOptions["tls"]> {
  return {
    ...ca === undefined ? {} : { ca },
    ...cert === undefined ? {} : { cert },
    ...key === undefined ? {} : { key },
    rejectUnauthorized: !isUnverified,
  };
}

function saslOptions(sasl: KafkaSasl): NonNullable<BaseOptions["sasl"]> {
  if (sasl.mechanism !== "OAUTHBEARER") return sasl;
  const { mechanism, token, extensions } = sasl;
  return {
    mechanism,
    token,
    ...Object.keys(extensions).length === 0 ? {} : { oauthBearerExtensions: { ...extensions } },
  };
}
