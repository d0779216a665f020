// The body of a question how two traces differ.
import { InputError } from "../lib/errors.ts";
import { parseTraceId } from "./trace_params.ts";

export interface DiffSideParams {
  readonly traceId: Uint8Array;
}

export interface DiffParams {
  readonly base: DiffSideParams;
  readonly compare: DiffSideParams;
}

/** Of the peer's three the one that tells differences span by span. */
export const DIFF_FORMAT = "trace-patch-v0";

/** Times of a side are hints where to look, and not needed. */
export function parseDiffParams(body: string): DiffParams {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw refused(`invalid request body: ${(error as Error).message}`);
  }
  const { base, compare, format } = objectOf(parsed, "request body");
  checkDiffFormat(format);
  return { base: sideOf(base, "base"), compare: sideOf(compare, "compare") };
}

export function checkDiffFormat(format: unknown = DIFF_FORMAT): void {
  if (format === "" || format === DIFF_FORMAT) return;
  throw refused(`unsupported format ${JSON.stringify(format)}; there is ${DIFF_FORMAT}`);
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
