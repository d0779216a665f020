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
