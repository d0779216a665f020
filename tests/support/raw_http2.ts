// A client of HTTP/2 that writes frames by hand: for what well-behaved clients do not do or show.
import assert from "node:assert/strict";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { encodeHeaders, HpackDecoder } from "../../lib/hpack.ts";
import { Flag, FrameType, PREFACE, writeFrame, writeWords } from "../../lib/http2_frame.ts";

export interface RawFrame {
  readonly type: FrameType;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);

export class RawHttp2 implements Disposable {
  readonly #conn: Deno.TcpConn;
  #rest = new Uint8Array(0);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<RawHttp2> {
    const client = new RawHttp2(await Deno.connect({ hostname: "127.0.0.1", port }));
    await client.send((out) => {
      out.append(PREFACE);
      writeFrame(out, FrameType.Settings, 0, 0, NOTHING);
    });
    return client;
  }

  async send(write: (out: ByteWriter) => void): Promise<void> {
    const out = new ByteWriter();
    write(out);
    for (let at = 0; at < out.length;) {
      at += await this.#conn.write(out.bytes.subarray(at, out.length));
    }
  }

  request(stream: number, headers: Record<string, string>, body = NOTHING): Promise<void> {
    return this.send((out) => {
      const end = body.length === 0 ? Flag.EndStream : 0;
      writeFrame(out, FrameType.Headers, Flag.EndHeaders | end, stream, encodeHeaders(headers));
      if (body.length > 0) writeFrame(out, FrameType.Data, Flag.EndStream, stream, body);
    });
  }

  reset(stream: number): Promise<void> {
    return this.send((out) => writeWords(out, FrameType.RstStream, stream, 8));
  }

  /** What comes of one stream, to its end. */
  async answer() {
    const frames: RawFrame[] = [];
    do frames.push(await this.frame()); while (
      frames.at(-1)!.type !== FrameType.RstStream && (frames.at(-1)!.flags & Flag.EndStream) === 0
    );
    const blocks = frames.filter(({ type }) => type === FrameType.Headers);
    const data = frames.filter(({ type }) => type === FrameType.Data);
    return {
      frames,
      headers: decoded(blocks[0]!.payload),
      /** Where the answer has any. */
      trailers: decoded(blocks.at(-1)!.payload),
      text: new TextDecoder().decode(new Uint8Array(data.flatMap(({ payload }) => [...payload]))),
    };
  }

  /** The next frame that is about a stream. */
  async frame(): Promise<RawFrame> {
    while (true) {
      const head = await this.#take(9);
      const view = new DataView(head.buffer);
      const payload = await this.#take(view.getUint32(0) >>> 8);
      const stream = view.getUint32(5);
      if (stream > 0) return { type: head[3]! as FrameType, flags: head[4]!, stream, payload };
    }
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#rest.length < size) {
      const more = new Uint8Array(65_536);
      const got = await this.#conn.read(more);
      assert.ok(got !== null, "the connection has ended");
      this.#rest = new Uint8Array([...this.#rest, ...more.subarray(0, got)]);
    }
    const taken = this.#rest.slice(0, size);
    this.#rest = this.#rest.slice(size);
    return taken;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

function decoded(block: Uint8Array): ReadonlyMap<string, string> {
  return new HpackDecoder(1 << 16).decode(block);
}
