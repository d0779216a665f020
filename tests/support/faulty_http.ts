// An HTTP server with weather on order, below the level of HTTP: it answers, cuts bodies short, breaks
// connections and stalls, as a script says request by request.
export type Fault =
  | { readonly kind: "answer"; readonly status: number; readonly body?: string }
  /** Promises the whole body and breaks off after so many bytes. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  | { readonly kind: "reset" }
  /** Reads the request and says nothing. */
  | { readonly kind: "stall" };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly sizeBytes: number;
}

type Answer = (request: SeenRequest) => {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
};

export class FaultyHttpServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Taken one by one; when there are none left requests are answered. */
  readonly faults: Fault[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  readonly #running = new Set<Promise<void>>();

  constructor(readonly answer: Answer) {
    this.#serving = this.#serve();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await this.#serving;
    await Promise.all(this.#running);
  }

  async #serve(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        const running = this.#converse(connection).catch(() => {}).finally(() => {
          close(connection);
          this.#connections.delete(connection);
          this.#running.delete(running);
        });
        this.#running.add(running);
      }
    } catch {
      // the listener was closed
    }
  }

  async #converse(connection: Deno.Conn): Promise<void> {
    const reader = new RequestReader(connection);
    for (let request = await reader.next(); request; request = await reader.next()) {
      this.requests.push(request);
      const fault = this.faults.shift();
      if (fault?.kind === "reset") return;
      if (fault?.kind === "stall") {
        await reader.next(); // until the client gives up
        return;
      }
      const scripted = fault?.kind === "answer" ? fault : undefined;
      const { status, headers = {}, body = new Uint8Array() } = scripted === undefined
        ? this.answer(request)
        : { status: scripted.status, body: new TextEncoder().encode(scripted.body ?? "") };
      const head = Object.entries({ "content-length": String(body.length), ...headers })
        .map(([name, value]) => `${name}: ${value}\r\n`).join("");
      await write(connection, new TextEncoder().encode(`HTTP/1.1 ${status} X\r\n${head}\r\n`));
      if (request.method === "HEAD") continue;
      const sentBytes = fault?.kind === "truncate" ? fault.afterBytes : body.length;
      await write(connection, body.subarray(0, sentBytes));
      if (fault?.kind === "truncate") return;
    }
  }
}

class RequestReader {
  #bytes = new Uint8Array();

  constructor(readonly connection: Deno.Conn) {}

  async next(): Promise<SeenRequest | undefined> {
    let text = "";
    let end = -1;
    while (end < 0) {
      text = new TextDecoder("latin1").decode(this.#bytes);
      end = text.indexOf("\r\n\r\n");
      if (end < 0 && !await this.#more()) return undefined;
    }
    const [first, ...lines] = text.slice(0, end).split("\r\n");
    const [method, path] = first!.split(" ");
    const headers = new Headers(lines.map((line) => {
      const cut = line.indexOf(":");
      return [line.slice(0, cut), line.slice(cut + 1).trim()] as [string, string];
    }));
    const sizeBytes = Number(headers.get("content-length") ?? 0);
    if (headers.get("expect") === "100-continue") {
      await write(this.connection, new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    while (this.#bytes.length < end + 4 + sizeBytes) {
      if (!await this.#more()) return undefined;
    }
    this.#bytes = this.#bytes.slice(end + 4 + sizeBytes);
    return { method: method!, path: path!, headers, sizeBytes };
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(1 << 16);
    const count = await this.connection.read(buffer);
    if (count === null) return false;
    const joined = new Uint8Array(this.#bytes.length + count);
    joined.set(this.#bytes);
    joined.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = joined;
    return true;
  }
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // the client was first
  }
}
