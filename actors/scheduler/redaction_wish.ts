// What may be asked to be redacted: traces by their ids, or by a query that is nothing but equalities.
// Rule: a wish that could mean more than was meant is refused: what is removed does not come back.
import { InputError } from "../../lib/errors.ts";
import { type FieldExpr, parseAndValidate } from "../../query/traceql/mod.ts";
import type { RedactionWish } from "./job.ts";

const TRACE_IDS_MAX = 10_000;

/** The wish with ids in their one form. */
export function checkedWish(wish: RedactionWish): RedactionWish {
  const { traceIds, query, startSeconds, endSeconds } = wish;
  if ((traceIds.length > 0) === (query !== "")) {
    refuse("a redaction names either trace ids or a query");
  }
  if (traceIds.length > TRACE_IDS_MAX) refuse(`more than ${TRACE_IDS_MAX} trace ids`);
  if (startSeconds < 0 || endSeconds < startSeconds) {
    refuse("the time does not begin before it ends");
  }
  if (query !== "") checkQuery(query);
  return { ...wish, traceIds: [...new Set(traceIds.map(fullId))] };
}

function fullId(text: string): string {
  const digits = text.toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(digits)) refuse(`trace id ${JSON.stringify(text)}`);
  return digits.padStart(32, "0");
}

function checkQuery(text: string): void {
  const { query } = parseAndValidate(text);
  const stages = query.node === "pipeline" ? query.stages : [];
  const [filter] = stages;
  if (stages.length !== 1 || filter?.node !== "filter") {
    return refuse("a redaction's query is one spanset filter");
  }
  checkCondition(filter.condition);
}

function checkCondition(field: FieldExpr): void {
  if (field.node === "binary") {
    if (field.op === "&&" || field.op === "||") {
      checkCondition(field.left);
      checkCondition(field.right);
      return;
    }
    const { left, right, op } = field;
    const isAttribute = left.node === "attribute" &&
      (left.scope === "resource" || left.scope === "span");
    if (op === "=" && isAttribute && right.node === "static") return;
  }
  refuse(
    "a redaction's query compares attributes of span. and resource. by =, joined by && and ||",
  );
}

function refuse(message: string): never {
  throw new InputError("invalid_argument", message);
}
