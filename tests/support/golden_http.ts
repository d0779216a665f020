// The recorded answers of the peer, and the traces they are about.

export interface Recording {
  readonly name: string;
  readonly group: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly request_body?: string;
  readonly status: number;
  readonly response_headers: Record<string, string>;
  readonly body?: string;
  readonly body_base64?: string;
}

const golden = new URL("../golden/", import.meta.url);

export async function recordings(name: string): Promise<Recording[]> {
  return await jsonLines(`http/${name}`) as Recording[];
}

/** OTLP bytes by trace id (32 hex digits), as the peer's reader finds them in a block. */
export async function foundTraces(): Promise<Map<string, Uint8Array>> {
  const lines = await jsonLines("blocks/v5-default.find.jsonl.gz") as FoundLine[];
  return new Map(
    lines.map(({ traceID, protobuf_base64 }) => [traceID, Uint8Array.fromBase64(protobuf_base64)]),
  );
}

interface FoundLine {
  readonly traceID: string;
  readonly protobuf_base64: string;
}

async function jsonLines(path: string): Promise<unknown[]> {
  let body = (await Deno.readFile(new URL(path, golden))) as Uint8Array<ArrayBuffer>;
  if (path.endsWith(".gz")) {
    const stream = new Response(body).body!.pipeThrough(new DecompressionStream("gzip"));
    body = await new Response(stream).bytes();
  }
  const lines = new TextDecoder().decode(body).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}
