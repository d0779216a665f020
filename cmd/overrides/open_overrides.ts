// The limits of tenants in a process, from all their sources: the configuration, the runtime file, and
// what users have set over the API. All processes have them, whatever their targets.
import type { Runtime } from "../../lib/runtime.ts";
import { openStore } from "../../storage/mod.ts";
import type { Config } from "../config/mod.ts";
import { userOverridesStoreConfig } from "../store_config.ts";
import { exposeLimits } from "./limit_metrics.ts";
import { Overrides } from "./overrides.ts";
import { followRuntimeFile, type RuntimeFileSource } from "./runtime_poller.ts";
import { UserOverrides } from "./user_overrides.ts";

export interface OpenedOverrides {
  readonly overrides: Overrides;
  /** Undefined where they are not wanted. */
  readonly userOverrides: UserOverrides | undefined;
}

/** What follows changes is put on the stack. */
export async function openOverrides(
  runtime: Runtime,
  config: Config,
  /** Undefined: no tenant has limits of its own. */
  runtimeFile: RuntimeFileSource | undefined,
  stack: AsyncDisposableStack,
): Promise<OpenedOverrides> {
  const overrides = new Overrides(config);
  exposeLimits(runtime.metrics, overrides);
  if (runtimeFile !== undefined) {
    const everyMs = config.overrides.per_tenant_override_period;
    stack.use(await followRuntimeFile(runtime, overrides, runtimeFile, everyMs));
  }
  const { api, enabled, poll_interval } = config.overrides.user_configurable_overrides;
  if (!enabled) return { overrides, userOverrides: undefined };
  const store = await openStore(userOverridesStoreConfig(config), runtime);
  const userOverrides = stack.use(
    await UserOverrides.open(runtime, store, overrides, {
      pollMs: poll_interval,
      refusesConflicts: api.check_for_conflicting_runtime_overrides,
    }),
  );
  return { overrides, userOverrides };
}
