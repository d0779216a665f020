// Every question to Prometheus that is deployed: of alerts, of the dashboard, and of what scales.
import { type Plain, readText, readYaml } from "./deploy_files.ts";
import { metricsIn } from "./promql.ts";

export interface DeployedExpression {
  readonly where: string;
  readonly expression: string;
}

export function deployedExpressions(): DeployedExpression[] {
  const [{ groups }] = readYaml("deploy/prometheus/rules.yaml");
  const rules = groups.flatMap(({ rules }: Plain) => rules).map((
    { alert, record, expr }: Plain,
  ) => ({ where: alert ?? record, expression: expr }));
  const { panels } = JSON.parse(readText("deploy/grafana/segno.json"));
  const queries = panels.flatMap(({ title, targets = [] }: Plain) =>
    targets.map(({ expr }: Plain) => ({
      where: title,
      // Grafana puts a duration there.
      expression: expr.replaceAll("$__rate_interval", "1m"),
    }))
  );
  const scaled = readYaml("deploy/keda/live-store.yaml").map(({ metadata, spec }) => ({
    where: metadata.name,
    expression: spec.triggers[0].metadata.query,
  }));
  return [...rules, ...queries, ...scaled];
}

/** The metrics of processes of Segno that are asked for, without what Prometheus makes itself. */
export function deployedMetrics(): string[] {
  const names = deployedExpressions().flatMap(({ expression }) => metricsIn(expression))
    .filter((name) => name !== "up" && !name.includes(":"));
  return [...new Set(names)].sort();
}

/** Those of metrics-generators, whose log is counted under Prometheus' names. */
export function isOfGenerators(name: string): boolean {
  return /^(prometheus_|tempo_metrics_generator_|segno_generator_)/.test(name);
}

/** `exposed`: by their types, which name a histogram once. */
export function isExposed(name: string, exposed: ReadonlySet<string>): boolean {
  return exposed.has(name) || exposed.has(name.replace(/_(bucket|count|sum)$/, ""));
}
