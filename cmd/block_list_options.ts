// How the block list is kept, from `storage.trace.blocklist_poll*` and `empty_tenant_deletion_*`.
import type { BlockListOptions } from "../storage/mod.ts";
import type { Config } from "./config/mod.ts";

/** Where `blocklist_poll_tenant_concurrency` is 0. */
const TENANTS_AT_ONCE = 10;

/** `isBuilder`: whether this process builds tenants' indexes, which is whoever looks after blocks. */
export function blockListOptions(config: Config, isBuilder: boolean): BlockListOptions {
  const { trace } = config.storage;
  return {
    readsMax: trace.blocklist_poll_concurrency,
    patience: {
      tenantsMax: trace.blocklist_poll_tenant_concurrency || TENANTS_AT_ONCE,
      jitterMs: trace.blocklist_poll_jitter_ms,
      repeatsMax: trace.blocklist_poll_tolerate_consecutive_errors,
      failedTenantsMax: trace.blocklist_poll_tolerate_tenant_failures,
    },
    indexes: isBuilder
      ? {
        role: "build",
        emptyTenantAgeMs: trace.empty_tenant_deletion_enabled
          ? trace.empty_tenant_deletion_age
          : undefined,
      }
      : {
        role: "read",
        isFallbackAllowed: trace.blocklist_poll_fallback,
        ageMaxMs: trace.blocklist_poll_stale_tenant_index,
      },
  };
}
