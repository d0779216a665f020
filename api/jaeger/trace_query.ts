// What Jaeger's searches ask for, as TraceQL: one span that has it all.
// Rule: Jaeger knows values only as texts, so a text stands for the number or the truth value it spells;
// tags that Jaeger makes of OTLP's fields are asked of those fields.
import { attributeName, quote } from "../tags_query.ts";

export interface TraceQuery {
  /** "": any. */
  readonly service: string;
  readonly operation: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Unix nanoseconds; 0n: no bound. */
  readonly startNano: bigint;
  readonly endNano: bigint;
  /** 0n: no bound. */
  readonly minDurationNano: bigint;
  readonly maxDurationNano: bigint;
  readonly limit: number;
}

export function traceql(query: TraceQuery): string {
  const { service, operation, minDurationNano, maxDurationNano } = query;
  const conditions = [
    ...(service === "" ? [] : [serviceIs(service)]),
    ...(operation === "" ? [] : [`name = ${quote(operation)}`]),
    ...[...query.tags].map(([key, value]) => tagIs(key, value)),
    ...(minDurationNano === 0n ? [] : [`duration >= ${minDurationNano}ns`]),
    ...(maxDurationNano === 0n ? [] : [`duration <= ${maxDurationNano}ns`]),
  ];
  return `{ ${conditions.join(" && ")} }`;
}

export function serviceIs(service: string): string {
  return `resource.service.name = ${quote(service)}`;
}

const KIND = /^(internal|server|client|producer|consumer)$/;

function tagIs(key: string, value: string): string {
  if (key === "error" && /^(true|false)$/.test(value)) {
    return value === "true" ? "status = error" : "status != error";
  }
  if (key === "span.kind" && KIND.test(value)) return `kind = ${value}`;
  if (key === "otel.status_code" && /^(unset|ok|error)$/i.test(value)) {
    return `status = ${value.toLowerCase()}`;
  }
  const fields: Readonly<Record<string, string>> = {
    "otel.status_description": "statusMessage",
    "otel.scope.name": "instrumentation:name",
    "otel.scope.version": "instrumentation:version",
  };
  if (Object.hasOwn(fields, key)) return `${fields[key]} = ${quote(value)}`;
  const name = attributeName(key);
  const readings = [quote(value)];
  if (/^-?[0-9]{1,15}(\.[0-9]{1,9})?$/.test(value)) readings.push(value);
  if (/^(true|false)$/.test(value)) readings.push(value);
  const anyOf = readings.map((reading) => `${name} = ${reading}`);
  return anyOf.length === 1 ? anyOf[0]! : `(${anyOf.join(" || ")})`;
}
