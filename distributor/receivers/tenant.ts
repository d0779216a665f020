// Whose spans a request carries: the header `X-Scope-OrgID`, or one fixed tenant for all.
import { InputError } from "../../lib/errors.ts";
import { SINGLE_TENANT } from "../../model/limits.ts";

export const TENANT_HEADER = "x-scope-orgid";

/** A tenant is part of object names, so what it may be is limited. */
const TENANT = /^[a-zA-Z0-9!\-_.*'()]{1,150}$/;

export function tenantOf(header: string | null | undefined, multitenancyEnabled: boolean): string {
  if (!multitenancyEnabled) return SINGLE_TENANT;
  if (!header) throw new InputError("unauthenticated", "no org id");
  if (!TENANT.test(header) || header === "." || header === "..") {
    throw new InputError("invalid_argument", `tenant ${JSON.stringify(header)} is not valid`);
  }
  return header;
}
