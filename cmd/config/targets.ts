// The values of `target`: what a process may be.
import { InputError } from "../../lib/errors.ts";

export const TARGETS = [
  "all",
  "distributor",
  "live-store",
  "block-builder",
  "metrics-generator",
  "query-frontend",
  "querier",
  "backend-scheduler",
  "backend-worker",
] as const;
export type Target = typeof TARGETS[number];

/**
 * Names of earlier versions start what does the same work today, as many times as they are started: so a
 * compactor is a worker and not a scheduler, of which there is one.
 */
const ALIASES: Readonly<Record<string, readonly Target[]>> = {
  "compactor": ["backend-worker"],
  "ingester": ["live-store"],
  "scalable-single-binary": ["all"],
  "metrics-generator-no-local-blocks": ["metrics-generator"],
};

/** The targets of a comma list, each once, in the order of the table. */
export function parseTargets(list: string): { targets: Target[]; warnings: string[] } {
  const warnings: string[] = [];
  const targets = new Set<Target>();
  for (const name of list.split(",").map((part) => part.trim())) {
    const alias = ALIASES[name];
    if (alias !== undefined) {
      warnings.push(`target ${name} is an older name: starting ${alias.join(",")}`);
      alias.forEach((target) => targets.add(target));
    } else if ((TARGETS as readonly string[]).includes(name)) targets.add(name as Target);
    else {
      throw new InputError(
        "invalid_argument",
        `target: unknown target ${JSON.stringify(name)}, known are ${TARGETS.join(", ")}`,
      );
    }
  }
  return { targets: TARGETS.filter((target) => targets.has(target)), warnings };
}
