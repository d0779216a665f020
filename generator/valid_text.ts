// Whether a text is what was sent: Prometheus takes no invalid UTF-8, and a reader of bytes puts U+FFFD
// for what is none. A text of the table that has one and is found again by its bytes did have it.

import { ABSENT, type StringTable } from "../model/string_table.ts";

export function isValidText(strings: StringTable, text: string): boolean {
  return !text.includes("\uFFFD") || strings.find(text) !== ABSENT;
}
