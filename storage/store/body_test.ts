import assert from "node:assert/strict";

import { readBody } from "./body.ts";
import { BucketFailure } from "./bucket.ts";

const attempt = { signal: new AbortController().signal, progress: () => {} };
const OBJECT = Uint8Array.from({ length: 100 }, (_, index) => index);

async function* chunked(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 30) {
    yield await Promise.resolve(bytes.slice(at, at + 30));
  }
}

const answer = (bytes: Uint8Array, more: Partial<Parameters<typeof readBody>[0]> = {}) => ({
  status: 200,
  body: chunked(bytes),
  contentLength: bytes.length,
  contentRange: undefined,
  ...more,
});

const isWeather = (error: Error) => error instanceof BucketFailure && error.kind === "weather";

Deno.test("a whole body is one array of the caller's own", async () => {
  const bytes = await readBody(answer(OBJECT), undefined, attempt);
  assert.deepEqual(bytes, OBJECT);
  assert.deepEqual(
    await readBody(answer(OBJECT, { contentLength: undefined }), undefined, attempt),
    OBJECT,
  );
  assert.deepEqual(
    await readBody({ ...answer(OBJECT.slice(0, 0)), body: null }, undefined, attempt),
    new Uint8Array(),
  );
});

Deno.test("a body that is not as long as promised is weather", async () => {
  for (const contentLength of [99, 101, 0]) {
    const told = answer(OBJECT, { contentLength });
    await assert.rejects(readBody(told, undefined, attempt), isWeather);
  }
});

Deno.test("a range is as long as asked, but for the end of the object", async () => {
  const part = (offset: number, sizeBytes: number, got: Uint8Array) =>
    readBody(
      answer(got, { status: 206, contentRange: `bytes ${offset}-${offset + got.length - 1}/100` }),
      { offset, sizeBytes },
      attempt,
    );
  assert.deepEqual(await part(10, 20, OBJECT.slice(10, 30)), OBJECT.slice(10, 30));
  assert.deepEqual(await part(90, 20, OBJECT.slice(90)), OBJECT.slice(90));
  await assert.rejects(part(10, 20, OBJECT.slice(10, 29)), isWeather);
  await assert.rejects(part(90, 20, OBJECT.slice(90, 99)), isWeather);
});

Deno.test("a server that sends the whole for a range is cut right", async () => {
  const range = { offset: 10, sizeBytes: 20 };
  assert.deepEqual(await readBody(answer(OBJECT), range, attempt), OBJECT.slice(10, 30));
  const behind = { offset: 200, sizeBytes: 20 };
  assert.deepEqual(await readBody(answer(OBJECT), behind, attempt), new Uint8Array());
});

Deno.test("each piece that comes renews the patience", async () => {
  let pieces = 0;
  await readBody(answer(OBJECT), undefined, { ...attempt, progress: () => pieces++ });
  assert.equal(pieces, 4);
});
