import assert from "node:assert/strict";

import { type Plain, readText, readYaml } from "../support/deploy_files.ts";
import { deployedExpressions } from "../support/deployed_expressions.ts";
import { metricsIn, promqlError } from "../support/promql.ts";

const expressions = deployedExpressions();

Deno.test("every question to Prometheus is PromQL, by its own grammar", () => {
  for (const { where, expression } of expressions) {
    assert.equal(promqlError(expression), undefined, `${where}: ${expression}`);
  }
  assert.ok(expressions.length > 50);
  assert.match(promqlError("sum(rate(up[5m])") ?? "", /^at/);
  assert.match(promqlError("up > > 3") ?? "", /^at/);
});

Deno.test("metrics are found in an expression wherever they stand", () => {
  const expression = 'sum by (x) (rate(a_total{y=~"b"}[5m])) / scalar(max(c)) > 0 and d:e:f';
  assert.deepEqual(metricsIn(expression), ["a_total", "c", "d:e:f"]);
});

Deno.test("alerts have names of their own, a severity, a summary, and a place in the manual", () => {
  const [{ groups }] = readYaml("deploy/prometheus/rules.yaml");
  const alerts = groups.flatMap(({ rules }: Plain) => rules).filter(({ alert }: Plain) => alert);
  const names = alerts.map(({ alert }: Plain) => alert);
  assert.equal(new Set(names).size, names.length);
  const manual = readText("docs/operations.md");
  for (const { alert, labels, annotations, for: duration } of alerts) {
    assert.match(alert, /^Segno[A-Z]\w+$/);
    assert.ok(["warning", "critical"].includes(labels.severity), alert);
    assert.ok(annotations.summary.length > 20, alert);
    assert.match(duration ?? "0s", /^\d+[smh]$/);
    assert.ok(manual.includes(`\`${alert}\``), `docs/operations.md says nothing of ${alert}`);
  }
});

Deno.test("panels of the dashboard have titles of their own and do not overlap", () => {
  const { panels } = JSON.parse(readText("deploy/grafana/segno.json"));
  const titles = panels.map(({ title }: Plain) => title);
  assert.equal(new Set(titles).size, titles.length);
  const taken = new Set<string>();
  for (const { gridPos: { x, y, w, h }, title } of panels) {
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        assert.ok(i < 24 && !taken.has(`${i},${j}`), title);
        taken.add(`${i},${j}`);
      }
    }
  }
});
