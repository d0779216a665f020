// Whose data a request is about.
import { InputError } from "../lib/errors.ts";
import { SINGLE_TENANT } from "../model/limits.ts";

export const TENANT_HEADER = "X-Scope-OrgID";

/** Several tenants in one query are refused: their answers would have to be merged. */
export function tenantOf(headers: Headers, multitenancyEnabled: boolean): string {
  if (!multitenancyEnabled) return SINGLE_TENANT;
  const tenant = headers.get(TENANT_HEADER) ?? "";
  if (tenant === "") throw new InputError("unauthenticated", "no org id");
  if (tenant.includes("|")) {
    throw new InputError("invalid_argument", "multi-tenant query unsupported");
  }
  return tenant;
}
