// Whose data a request is about.
import { InputError } from "../lib/errors.ts";
import { type Limits, type LimitsOf, SINGLE_TENANT } from "../model/limits.ts";

export const TENANT_HEADER = "X-Scope-OrgID";

export interface TenantRules {
  readonly multitenancyEnabled: boolean;
  /** Whether one query may ask several tenants. */
  readonly multiTenantQueriesEnabled: boolean;
}

/** One tenant, or several joined by `|`. */
export function tenantOf(headers: Pick<Headers, "get">, rules: TenantRules): string {
  if (!rules.multitenancyEnabled) return SINGLE_TENANT;
  const tenants = tenantsOf(headers.get(TENANT_HEADER) ?? "");
  if (tenants.length === 0) throw new InputError("unauthenticated", "no org id");
  if (tenants.length > 1 && !rules.multiTenantQueriesEnabled) {
    throw new InputError("invalid_argument", "multi-tenant query unsupported");
  }
  return tenants.join("|");
}

export function tenantsOf(joined: string): string[] {
  return [...new Set(joined.split("|").filter((tenant) => tenant !== ""))].sort();
}

/** Of several tenants the first one's limits hold. */
export function limitsOfQuery(limits: LimitsOf, tenant: string): Limits {
  return limits(tenantsOf(tenant)[0]!);
}
