// Tenants' limits for the status pages, in the words of the configuration.
// Rule: as in all that is told of the configuration, secrets are not.
import type { LimitsPages } from "../../api/mod.ts";
import { defaultConfig, tellChangedLimits, tellLimits, yaml } from "../config/mod.ts";
import type { Overrides } from "./overrides.ts";

export function limitsPages(overrides: Overrides): LimitsPages {
  return {
    defaults: (mode) => {
      if (mode === "diff") return tellChangedLimits(overrides.defaults.values);
      return tellLimits(
        mode === "defaults" ? defaultConfig().overrides.defaults : overrides.defaults.values,
      );
    },
    tenants: () =>
      new Map(
        [...new Set([...overrides.entries.keys(), ...overrides.users.keys()])].map((tenant) => {
          const runtime = overrides.entries.get(tenant)?.written;
          const user = overrides.users.get(tenant)?.written;
          return [tenant, {
            ...runtime === undefined ? {} : { runtime: tellLimits(runtime) },
            ...user === undefined ? {} : { user: tellLimits(user) },
          }];
        }),
      ),
    limits: (tenant) => tellLimits(overrides.of(tenant).values),
    yaml,
  };
}
