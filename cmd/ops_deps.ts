// What every process tells operators, whatever its targets are: limits, readiness, configuration, version.
import type { OpsDeps } from "../api/mod.ts";
import { buildInfo } from "./build_info.ts";
import { type Config, defaultConfig, type Target, tellChanges, tellConfig } from "./config/mod.ts";
import { limitsPages } from "./overrides/limits_pages.ts";
import type { OpenedOverrides } from "./overrides/open_overrides.ts";

type Common =
  | "limits"
  | "overrides"
  | "userOverrides"
  | "readiness"
  | "services"
  | "configText"
  | "buildInfo";

export function opsDeps(
  config: Config,
  targets: readonly Target[],
  { overrides, userOverrides }: OpenedOverrides,
  readiness: () => readonly string[],
): Pick<OpsDeps, Common> {
  return {
    limits: overrides.limitsOf,
    overrides: limitsPages(overrides),
    ...userOverrides === undefined ? {} : { userOverrides },
    readiness,
    services: () => {
      const state = readiness().length === 0 ? "Running" : "Starting";
      return targets.map((name) => ({ name, state }));
    },
    configText: (mode) =>
      mode === "diff"
        ? tellChanges(config)
        : tellConfig(mode === "defaults" ? defaultConfig() : config),
    buildInfo,
  };
}
