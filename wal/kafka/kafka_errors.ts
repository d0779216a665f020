// What an error of the Kafka client means here: weather, or the caller's fault. The client nests
// errors (one for each attempt, one for each partition), so they are looked through for what the
// broker said.
import { findErrorBy, MultipleErrors } from "@platformatic/kafka";
import { InputError, UnavailableError } from "../../lib/errors.ts";

/** Errors that no later try will mend. */
const REFUSALS: readonly string[] = [
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "INVALID_TOPIC_EXCEPTION",
  "POLICY_VIOLATION",
];

export function kafkaError(error: unknown, doing: string): Error {
  const said = saidBy(error);
  const refusal = REFUSALS.find((id) => isCausedBy(error, id));
  return refusal === undefined
    ? new UnavailableError(`kafka: ${doing}: ${said}`, { cause: error })
    : new InputError("failed_precondition", `kafka: ${doing}: ${refusal}`, { cause: error });
}

/** Whether the broker answered with this code, at any attempt. */
export function isCausedBy(error: unknown, apiId: string): boolean {
  return findErrorBy(error as Error, "apiId", apiId) !== null;
}

/** The message at the bottom of the newest attempt. */
export function saidBy(error: unknown): string {
  let deepest = error;
  while (true) {
    if (deepest instanceof AggregateError || MultipleErrors.isMultipleErrors(deepest as Error)) {
      const { errors } = deepest as AggregateError;
      if (errors.length === 0) break;
      deepest = errors.at(-1);
    } else if (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause;
    else break;
  }
  return deepest instanceof Error ? deepest.message : String(deepest);
}
