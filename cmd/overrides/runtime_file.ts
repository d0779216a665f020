// The file of per-tenant limits, read: `overrides: {tenant: limits, "*": limits}`.
// Rule: an unknown key or a value that makes no sense refuses the whole file, and the error names the
// tenant, the path of the key and its place.
import { z } from "zod";
import { InputError } from "../../lib/errors.ts";
import { ConfigDocument, explain } from "../config/document.ts";
import { moveLegacyKeys } from "../config/legacy_keys.ts";
import { tenantLimits, type TenantLimitValues } from "../config/sections/overrides.ts";

export interface TenantEntry {
  readonly values: TenantLimitValues;
  /** As it is written, for people. */
  readonly written: unknown;
}

/** The entry of every tenant that has none of its own. */
export const ANY_TENANT = "*";

const RuntimeFile = z.strictObject({ overrides: z.record(z.string(), tenantLimits).prefault({}) });

/** `name` is told in errors. */
export function parseRuntimeFile(
  name: string,
  text: string,
  isLegacyAllowed: boolean,
): ReadonlyMap<string, TenantEntry> {
  const document = new ConfigDocument(name, text);
  const { data } = document;
  const written = isSection(data.overrides) ? data.overrides : {};
  const parsed = RuntimeFile.safeParse(isLegacyAllowed ? withGroups(data, written) : data);
  if (!parsed.success) {
    throw new InputError(
      "invalid_argument",
      explain(parsed.error, data, (path) => document.place(path)),
    );
  }
  return new Map(
    Object.entries(parsed.data.overrides).map(([tenant, values]) => [
      tenant,
      { values, written: written[tenant] },
    ]),
  );
}

function withGroups(
  data: Record<string, unknown>,
  entries: Record<string, unknown>,
): Record<string, unknown> {
  if (!isSection(data.overrides)) return data;
  const moved = Object.entries(entries).map(([tenant, entry]) => [
    tenant,
    moveLegacyKeys(entry, `overrides.${tenant}`),
  ]);
  return { ...data, overrides: Object.fromEntries(moved) };
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
