// What makes no sense in a metrics query beyond what makes none in its pipelines.
import type { MetricsAggregate, MetricsExpr, SecondStage } from "./ast.ts";
import { refusal } from "./refusal.ts";
import { validateFilter, validateReference, validateStage } from "./validate.ts";

const GROUPS_MAX = 5;
/** One label is taken by the bucket or the quantile. */
const GROUPS_MAX_BESIDE_BUCKETS = 4;
const COMPARE_TOP_MAX = 1000n;

export function validateMetrics(expr: MetricsExpr): void {
  switch (expr.node) {
    case "metrics_constant":
      return;
    case "metrics_operation":
      validateMetrics(expr.left);
      validateMetrics(expr.right);
      return validateSecond(expr.second);
    case "metrics_pipeline":
      expr.pipeline.stages.forEach(validateStage);
      validateAggregate(expr.aggregate);
      if (expr.aggregate.fn === "compare" && expr.second.length > 0) {
        throw refusal(
          expr.second[0]!.at,
          "`compare()` cannot be used with second stage functions",
        );
      }
      return validateSecond(expr.second);
  }
}

function validateAggregate(aggregate: MetricsAggregate): void {
  aggregate.by.forEach(validateReference);
  if ("field" in aggregate) validateReference(aggregate.field);
  const hasBuckets = aggregate.fn === "quantile_over_time" ||
    aggregate.fn === "histogram_over_time";
  const groupsMax = hasBuckets ? GROUPS_MAX_BESIDE_BUCKETS : GROUPS_MAX;
  if (aggregate.by.length > groupsMax) {
    throw refusal(
      aggregate.by[groupsMax]!.at,
      `metrics group by ${aggregate.by.length} values not yet supported`,
    );
  }
  if (aggregate.fn === "quantile_over_time") {
    aggregate.quantiles.forEach((quantile, i) => {
      if (quantile >= 0 && quantile <= 1) return;
      throw refusal(aggregate.argumentsAt[i]!, `quantile must be between 0 and 1: ${quantile}`);
    });
  }
  if (aggregate.fn === "compare") {
    validateFilter(aggregate.selection);
    if (aggregate.top < 1n || aggregate.top > COMPARE_TOP_MAX) {
      throw refusal(
        aggregate.argumentsAt[0]!,
        `compare() top number of values must be an integer between 1 and ${COMPARE_TOP_MAX}`,
      );
    }
    const { startNano, endNano } = aggregate;
    if ((startNano !== 0n || endNano !== 0n) && endNano <= startNano) {
      throw refusal(
        aggregate.argumentsAt[2]!,
        "compare() end timestamp must be greater than start timestamp",
      );
    }
  }
}

function validateSecond(second: readonly SecondStage[]): void {
  for (const stage of second) {
    if (stage.node === "top_bottom" && stage.limit < 1n) {
      throw refusal(stage.at, "limit must be greater than 0");
    }
  }
}
