// Values a query text can spell: nil, numbers, durations, strings, booleans, statuses and kinds.
// Rule: enumerations are kept by word; the numbers of OTLP stay at the door of whoever reads spans.

export const STATUSES = ["error", "ok", "unset"] as const;
export type StatusWord = typeof STATUSES[number];

export const KINDS = [
  "unspecified",
  "internal",
  "client",
  "server",
  "producer",
  "consumer",
] as const;
export type KindWord = typeof KINDS[number];

export type StaticValue =
  | { readonly type: "nil" }
  /** 64 bits, signed. */
  | { readonly type: "int"; readonly value: bigint }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bool"; readonly value: boolean }
  /** Nanoseconds, 64 bits, signed. */
  | { readonly type: "duration"; readonly value: bigint }
  | { readonly type: "status"; readonly value: StatusWord }
  | { readonly type: "kind"; readonly value: KindWord };

export const NIL: StaticValue = { type: "nil" };

export const INT_MAX = 2n ** 63n - 1n;
export const INT_MIN = -(2n ** 63n);

/** The numbers that OTLP gives to statuses and kinds, by word. */
export const OTLP_STATUS: Readonly<Record<StatusWord, number>> = { unset: 0, ok: 1, error: 2 };
export const OTLP_KIND: Readonly<Record<KindWord, number>> = {
  unspecified: 0,
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};
