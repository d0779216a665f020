// The body of an answer, as one array. Rule: a body that is shorter or longer than was promised is
// weather, never an answer: a connection that breaks late must not look like a small object.
import { type Attempt, BucketFailure } from "./bucket.ts";
import type { ByteRange } from "./object_store.ts";

export interface Answer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array> | null | undefined;
  readonly contentLength: number | undefined;
  /** As in HTTP: `bytes 5-9/10`. */
  readonly contentRange: string | undefined;
}

export async function readBody(
  { status, body, contentLength, contentRange }: Answer,
  range: ByteRange | undefined,
  attempt: Attempt,
): Promise<Uint8Array> {
  const bytes = await collect(body, contentLength, attempt);
  if (range === undefined) return bytes;
  // A server or a proxy may leave the range out of account and send the whole.
  if (status === 200) return bytes.slice(range.offset, range.offset + range.sizeBytes);
  const objectBytes = Number(/\/(\d+)$/.exec(contentRange ?? "")?.[1] ?? NaN);
  const wanted = Math.min(range.sizeBytes, objectBytes - range.offset);
  if (!Number.isNaN(wanted) && bytes.length !== wanted) throw incomplete(bytes.length, wanted);
  return bytes;
}

async function collect(
  body: Answer["body"],
  length: number | undefined,
  attempt: Attempt,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    attempt.progress();
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (length !== undefined && sizeBytes > length) break;
  }
  if (length !== undefined && sizeBytes !== length) throw incomplete(sizeBytes, length);
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function incomplete(got: number, wanted: number): BucketFailure {
  return new BucketFailure("weather", `answer has ${got} bytes, not ${wanted}`, undefined);
}
