// Where a page of a search ended, as a text that the client hands back: the start of its last trace and
// that one's id. Nothing else is remembered, so that a cursor is good for ever and in any process.
import { InputError } from "../lib/errors.ts";
import { orderOf, type ResultTrace, type SearchPlace } from "../query/engine/mod.ts";

export const CURSOR_HEADER = "X-Segno-Next-Cursor";

const FORM = /^([0-9]{1,20})-([0-9a-f]{32})$/;

export function cursorAfter(trace: ResultTrace): string {
  return `${orderOf(trace)}-${trace.traceId}`;
}

/** "" is the beginning. */
export function parseCursor(text: string): SearchPlace | undefined {
  if (text === "") return undefined;
  const [, start, traceId] = FORM.exec(text) ?? [];
  if (start === undefined || traceId === undefined) {
    throw new InputError("invalid_argument", `invalid cursor: ${JSON.stringify(text)}`);
  }
  return { startUnixNano: BigInt(start), traceId };
}
