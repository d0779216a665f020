// The header grpc-timeout: at most eight digits and a unit.

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds; undefined where there is no header, or one that says nothing. */
export function parseGrpcTimeout(header: string | undefined): number | undefined {
  if (header === undefined || !/^[0-9]{1,8}[HMSmun]$/.test(header)) return undefined;
  return Number(header.slice(0, -1)) * UNIT_MS[header.at(-1)!]!;
}
