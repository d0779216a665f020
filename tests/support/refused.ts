// What a refusal looks like: a status, and plain text.
import assert from "node:assert/strict";

export async function refused(response: Promise<Response>, status: number, body: string | RegExp) {
  const { status: actual, headers } = await response;
  const text = await (await response).text();
  assert.equal(actual, status, text);
  assert.match(headers.get("Content-Type")!, /^text\/plain/);
  if (typeof body === "string") assert.equal(text, body);
  else assert.match(text, body);
}

/** Our words without the place that the peer does not tell: `… (line 1, col 3)` at the end. */
export function withoutPlace(text: string): string {
  return text.replace(/ \(line [1-9]\d*, col [1-9]\d*\)$/, "");
}

/** Every refused query tells where it is wrong, in the peer's form or in ours. */
export const PLACE = /line [1-9]\d*, col [1-9]\d*/;
