import assert from "node:assert/strict";
import { blockListOptions } from "./block_list_options.ts";
import { ConfigSchema, defaultConfig } from "./config/mod.ts";

Deno.test("who looks after blocks builds indexes, who does not reads them", () => {
  const config = defaultConfig();
  const patience = { tenantsMax: 10, jitterMs: 0, repeatsMax: 1, failedTenantsMax: 1 };
  assert.deepEqual(blockListOptions(config, true), {
    readsMax: 50,
    patience,
    indexes: { role: "build", emptyTenantAgeMs: undefined },
  });
  assert.deepEqual(blockListOptions(config, false), {
    readsMax: 50,
    patience,
    indexes: { role: "read", isFallbackAllowed: true, ageMaxMs: 0 },
  });
});

Deno.test("every key of the poll arrives", () => {
  const config = ConfigSchema.parse({
    storage: {
      trace: {
        blocklist_poll_concurrency: 7,
        blocklist_poll_tenant_concurrency: 3,
        blocklist_poll_fallback: false,
        blocklist_poll_stale_tenant_index: "12m",
        blocklist_poll_jitter_ms: 250,
        blocklist_poll_tolerate_consecutive_errors: 4,
        blocklist_poll_tolerate_tenant_failures: 5,
        empty_tenant_deletion_enabled: true,
        empty_tenant_deletion_age: "12h",
      },
    },
  });
  const patience = { tenantsMax: 3, jitterMs: 250, repeatsMax: 4, failedTenantsMax: 5 };
  assert.deepEqual(blockListOptions(config, true), {
    readsMax: 7,
    patience,
    indexes: { role: "build", emptyTenantAgeMs: 43_200_000 },
  });
  assert.deepEqual(blockListOptions(config, false), {
    readsMax: 7,
    patience,
    indexes: { role: "read", isFallbackAllowed: false, ageMaxMs: 720_000 },
  });
});
