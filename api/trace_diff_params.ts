// The body of a question how two traces differ.
import { InputError } from "../lib/errors.ts";
import { parseTraceId } from "./trace_params.ts";

export interface DiffSideParams {
  readonly traceId: Uint8Array;
}

export interface DiffParams {
  readonly base: DiffSideParams;
  readonly compare: DiffSideParams;
  readonly format: DiffFormat;
}

export const DIFF_FORMATS = [
  "trace-patch-v0",
  "trace-summary-v0-native",
  "trace-summary-v0-composed",
] as const;

export type DiffFormat = typeof DIFF_FORMATS[number];

/** Times of a side are hints where to look, and not needed. */
export function parseDiffParams(body: string): DiffParams {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw refused(`invalid request body: ${(error as Error).message}`);
  }
  const { base, compare, format } = objectOf(parsed, "request body");
  return {
    base: sideOf(base, "base"),
    compare: sideOf(compare, "compare"),
    format: parseDiffFormat(format),
  };
}

/** The patch, unless told. */
export function parseDiffFormat(format: unknown = ""): DiffFormat {
  if (format === "") return "trace-patch-v0";
  const known = DIFF_FORMATS.find((one) => one === format);
  if (known !== undefined) return known;
  throw refused(
    `unsupported format ${JSON.stringify(format)}; there are ${DIFF_FORMATS.join(", ")}`,
  );
}

function sideOf(side: unknown, name: string): DiffSideParams {
  const { traceId } = objectOf(side, name);
  if (typeof traceId !== "string" || traceId === "") throw refused(`${name}.traceId is required`);
  return { traceId: parseTraceId(traceId) };
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw refused(`${name} must be an object`);
}

function refused(why: string): InputError {
  return new InputError("invalid_argument", why);
}
