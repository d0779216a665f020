// The kinds of keys a configuration has, each with its default in the form a user would write.
// Rule: a section refuses keys it does not know, and an absent section is one with all defaults.
// `prefault`, not `default`: a default must pass through the same transformation as what is written.
import { z } from "zod";

import { parseDuration } from "./units.ts";

/** How a value is told again: durations in Go's form, secrets not at all. */
export type KeyFormat = "duration" | "secret";

export function section<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape).prefault({} as never);
}

/** A section that is absent unless written, for what a user switches on by naming it. */
export function optionalSection<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape).optional();
}

/**
 * The keys of a section that somebody may write in place of others: what is not written is not there, in
 * sections below it neither. (`partial` alone keeps defaults.)
 */
export function writtenKeys<S extends z.core.$ZodLooseShape>(shape: S) {
  const typed = z.strictObject(shape).partial();
  return withoutDefaults(shape as Record<string, z.ZodType>) as unknown as typeof typed;
}

function withoutDefaults(shape: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const keys = Object.entries(shape).map(([name, key]) => {
    const hasDefault = key instanceof z.ZodDefault || key instanceof z.ZodPrefault;
    const bare = hasDefault ? key.unwrap() as z.ZodType : key;
    return [name, (bare instanceof z.ZodObject ? withoutDefaults(bare.shape) : bare).optional()];
  });
  return z.strictObject(Object.fromEntries(keys));
}

/** Milliseconds. Negative ones are refused: nothing here can wait for less than nothing. */
const milliseconds = () =>
  z.unknown().transform((value, context) => {
    const ms = typeof value === "string" ? parseDuration(value) : value === 0 ? 0 : undefined;
    if (ms !== undefined && ms >= 0) return ms;
    context.addIssue({ code: "custom", message: "expected a duration such as 5m, 1h30m or 250ms" });
    return z.NEVER;
  });

export const duration = (text: string) =>
  milliseconds().prefault(text).meta({ format: "duration" satisfies KeyFormat });

/** A duration that has no default of its own. */
export const optionalDuration = () =>
  milliseconds().optional().meta({ format: "duration" satisfies KeyFormat });

export const text = (value = "") => z.string().default(value);
export const flag = (value = false) => z.boolean().default(value);
export const count = (value: number) => z.int().min(0).default(value);
export const ratio = (value: number) => z.number().min(0).default(value);
export const texts = (value: string[] = []) => z.array(z.string()).default(value);
export const textMap = () => z.record(z.string(), z.string()).default({});
export const port = (value: number) => z.int().min(0).max(65535).default(value);
export const secret = () => z.string().default("").meta({ format: "secret" satisfies KeyFormat });

/** One of a few words. */
export function word<const W extends readonly [string, ...string[]]>(
  words: W,
  value: NoInfer<W[number]>,
) {
  return z.enum(words).default(value as never);
}

/** What is passed on to another program's library and checked there. */
export const anything = () => z.record(z.string(), z.unknown()).default({});
export const anyList = () => z.array(z.looseObject({})).default([]);

/** The least of TLS that is spoken, in the words of the peer's library; what is spoken here begins with 1.2. */
export const tlsVersion = () =>
  word(["", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"], "");

/** Client-side TLS, the keys of the peer's library with its prefix. */
export const tlsClientKeys = {
  tls_enabled: flag(),
  tls_cert_path: text(),
  tls_key_path: text(),
  tls_ca_path: text(),
  tls_server_name: text(),
  tls_insecure_skip_verify: flag(),
  tls_min_version: tlsVersion(),
  tls_cipher_suites: text(),
} as const;

export const backoff = (min: string, max: string, retries: number) =>
  section({ min_period: duration(min), max_period: duration(max), max_retries: count(retries) });

export const grpcClient = () =>
  section({
    max_recv_msg_size: count(100 << 20),
    max_send_msg_size: count(100 << 20),
    grpc_compression: word(["", "gzip", "snappy"], "snappy"),
    rate_limit: ratio(0),
    rate_limit_burst: count(0),
    backoff_on_ratelimits: flag(),
    backoff_config: backoff("100ms", "10s", 10),
    initial_stream_window_size: count(63 << 10),
    initial_connection_window_size: count(63 << 10),
    connect_timeout: duration("5s"),
    connect_backoff_base_delay: duration("1s"),
    connect_backoff_max_delay: duration("5s"),
    ...tlsClientKeys,
  });
