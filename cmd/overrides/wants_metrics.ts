// Whether any tenant wants metrics of its spans: few processes make any.
import type { Overrides } from "./overrides.ts";

export function wantsMetrics({ rest, named }: Overrides): boolean {
  return [rest, ...named.values()].some(({ values }) => {
    return values.metrics_generator.processors.length > 0;
  });
}
