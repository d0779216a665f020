// The names of kinds and status codes in labels: those of the protocol; a number it has no name for is
// told as a number.

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUSES = ["UNSET", "OK", "ERROR"];

export const enum SpanKind {
  Internal = 1,
  Server = 2,
  Client = 3,
  Producer = 4,
  Consumer = 5,
}

export const STATUS_ERROR = 2;

export function kindName(kind: number): string {
  return kind < KINDS.length ? `SPAN_KIND_${KINDS[kind]}` : String(kind);
}

export function statusName(status: number): string {
  return status < STATUSES.length ? `STATUS_CODE_${STATUSES[status]}` : String(status);
}
