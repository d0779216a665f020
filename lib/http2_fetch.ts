// Requests of HTTP/2 that are not gRPC, answered by whoever answers the others: a Request in, a Response
// out. For those who speak HTTP/2 without TLS to a port where our own HTTP/2 listens.
// Rules: a body is read as a whole and is bounded; an answer goes out as the client reads it.

import { encodeHeaders } from "./hpack.ts";
import type { BodyReader, Http2Stream, OnStream } from "./http2_stream.ts";

export interface Http2FetchOptions {
  readonly bodyBytesMax: number;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Said of a connection, not of an answer (RFC 9113, section 8.2.2). */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

export function http2Fetch({ bodyBytesMax, fetch }: Http2FetchOptions): OnStream {
  return (stream): BodyReader => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const stop = new AbortController();
    let size = 0;
    return {
      data: (bytes) => {
        size += bytes.length;
        if (size <= bodyBytesMax) chunks.push(new Uint8Array(bytes));
        else stream.respond({ headers: encodeHeaders({ ":status": "413" }) });
      },
      end: () => void answer(stream, chunks, stop, fetch),
      abort: () => stop.abort(),
    };
  };
}

async function answer(
  stream: Http2Stream,
  chunks: Uint8Array<ArrayBuffer>[],
  stop: AbortController,
  fetch: Http2FetchOptions["fetch"],
): Promise<void> {
  let hasBegun = false;
  try {
    const response = await fetch(await requestOf(stream.headers, chunks, stop.signal));
    hasBegun = true;
    stream.begin(headersOf(response));
    // Its stream is left, and so cancelled, when the client goes.
    for await (const bytes of response.body ?? []) {
      if (bytes.length > 0 && !await stream.write(bytes)) return;
    }
    stream.end();
  } catch {
    // What fetch could not answer; it says in its log what it was.
    if (!hasBegun) stream.respond({ headers: encodeHeaders({ ":status": "400" }) });
    else stream.reset();
  }
}

async function requestOf(
  fields: ReadonlyMap<string, string>,
  chunks: Uint8Array<ArrayBuffer>[],
  signal: AbortSignal,
): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of fields) if (!name.startsWith(":")) headers.set(name, value);
  const authority = fields.get(":authority") ?? fields.get("host") ?? "localhost";
  const method = fields.get(":method") ?? "GET";
  const hasBody = chunks.length > 0 && method !== "GET" && method !== "HEAD";
  return new Request(`http://${authority}${fields.get(":path") ?? "/"}`, {
    method,
    headers,
    signal,
    ...(hasBody ? { body: await new Blob(chunks).bytes() } : {}),
  });
}

function headersOf({ status, headers }: Response): Uint8Array {
  const fields: Record<string, string> = { ":status": String(status) };
  for (const [name, value] of headers) if (!HOP_BY_HOP.has(name)) fields[name] = value;
  return encodeHeaders(fields);
}
