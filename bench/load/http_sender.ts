// OTLP over HTTP/1.1 on a socket of its own, kept alive. Head and body are one write: `fetch` would
// cost the load several times what the request itself does.
import type { Sender, SendOutcome } from "./sender.ts";
import type { RequestTemplate } from "./template.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class HttpSender implements Sender {
  readonly #connection: Deno.TcpConn;
  readonly #host: string;
  /** Where a template's head begins; heads are written into it once. */
  readonly #heads = new WeakMap<RequestTemplate, number>();
  readonly #buffer = new Uint8Array(1 << 16);

  private constructor(connection: Deno.TcpConn, host: string) {
    this.#connection = connection;
    this.#host = host;
  }

  static async open(port: number): Promise<HttpSender> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return new HttpSender(connection, `127.0.0.1:${port}`);
  }

  async send(template: RequestTemplate): Promise<SendOutcome> {
    const bytes = template.bytes.subarray(this.#headOf(template));
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    const { status, body } = await this.#readAnswer();
    return { isAcked: status === 200, reason: status === 200 ? "" : `${status} ${body}` };
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#connection.close();
    } catch { /* already gone with the server */ }
    return Promise.resolve();
  }

  #headOf(template: RequestTemplate): number {
    const known = this.#heads.get(template);
    if (known !== undefined) return known;
    const head = encoder.encode(
      `POST /v1/traces HTTP/1.1\r\nHost: ${this.#host}\r\n` +
        `Content-Type: application/x-protobuf\r\n` +
        `Content-Length: ${template.bytes.length - template.roomBytes}\r\n\r\n`,
    );
    const start = template.roomBytes - head.length;
    template.bytes.set(head, start);
    this.#heads.set(template, start);
    return start;
  }

  async #readAnswer(): Promise<{ status: number; body: string }> {
    let text = "";
    for (;;) {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) throw new Error("the server closed the connection");
      text += decoder.decode(this.#buffer.subarray(0, count));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const body = text.slice(end + 4);
      const length = /\r\ncontent-length: (\d+)/i.exec(text);
      const isWhole = length ? body.length >= Number(length[1]) : body.endsWith("0\r\n\r\n");
      if (isWhole) return { status: Number(text.slice(9, 12)), body };
    }
  }
}
