// What this process is, runs and was told, in plain text: each section begins with its own path.
import { Hono } from "hono";
import { notFound } from "./errors.ts";
import { text } from "./ops_routes.ts";
import type { BuildInfo, ConfigMode, OpsContext, ServiceState } from "./options.ts";
import { textTable } from "./text_table.ts";

/** `endpoints`: the patterns of all routes, asked when the page is. */
export function statusRoutes({ deps }: OpsContext, endpoints: () => readonly string[]): Hono {
  const sections: Readonly<Record<string, (mode: ConfigMode) => string>> = {
    version: () => versionText(deps.buildInfo),
    services: () => servicesTable(deps.services()),
    endpoints: () => endpointsTable(endpoints()),
    runtime_config: (mode) => {
      const { overrides } = deps;
      const runtime = [...overrides.tenants()].map(([tenant, own]) => [tenant, own.runtime]);
      const entries = Object.fromEntries(runtime.filter(([, entry]) => entry !== undefined));
      const value = { defaults: overrides.defaults(mode), overrides: entries };
      return `---\n${overrides.yaml(value)}`;
    },
    config: (mode) => `---\n${deps.configText(mode)}`,
  };
  const page = (names: readonly string[], modeText = "") => {
    const mode = modeText === "diff" || modeText === "defaults" ? modeText : "full";
    const parts = names.map((name) => `GET /status/${name}\n${sections[name]!(mode)}`);
    return text(parts.join("\n"), 200, "text/plain");
  };

  return new Hono()
    .all("/status", ({ req }) => page(Object.keys(sections), req.query("mode")))
    .all("/status/usage-stats", () => text("usage-stats is not enabled\n"))
    .all("/status/:endpoint", ({ req }) => {
      const name = req.param("endpoint");
      return Object.hasOwn(sections, name) ? page([name], req.query("mode")) : notFound();
    });
}

function versionText(build: BuildInfo): string {
  return `segno, version ${build.version} (branch: ${build.branch}, revision: ${build.revision})
  build user:       ${build.buildUser}
  build date:       ${build.buildDate}
  runtime:          ${build.goVersion}
  platform:         ${Deno.build.os}/${Deno.build.arch}
`;
}

function servicesTable(services: readonly ServiceState[]): string {
  return textTable(
    ["SERVICE NAME", "STATUS", "FAILURE CASE"],
    services
      .map(({ name, state, failure }) => [name, state, failure ?? ""])
      .sort(([a], [b]) => a! < b! ? -1 : 1),
  );
}

function endpointsTable(patterns: readonly string[]): string {
  const rows = [...new Set(patterns)].sort().map((pattern) => {
    const name = pattern.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}");
    const regex = pattern.replaceAll(/:\w+(\{[^}]*\})?/g, (_, greedy) => greedy ? ".+" : "[^/]+");
    return [name, `^${regex}$`];
  });
  return textTable(["NAME", "REGEX"], rows);
}
