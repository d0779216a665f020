import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "./byte_writer.ts";
import { SimulatedClock } from "./clock.ts";
import { encodeHeaders, HpackDecoder } from "./hpack.ts";
import { Http2Connection } from "./http2_connection.ts";
import { Flag, FrameType, Http2Code, PREFACE, writeFrame, writeWords } from "./http2_frame.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Http2Stream } from "./http2_stream.ts";

const NOTHING = new Uint8Array(0);
const EXCHANGE = encodeHeaders({ ":method": "POST", ":path": "/p" });
const OK = {
  headers: encodeHeaders({ ":status": "200" }),
  body: new Uint8Array([1, 2, 3]),
  trailers: encodeHeaders({ end: "yes" }),
};

interface Frame {
  readonly type: FrameType;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** The client's end of a connection in memory. */
class Peer implements ByteStream {
  readonly #input: Uint8Array[] = [];
  readonly #output = new ByteWriter();
  #wake: () => void = () => {};
  #hasEnded = false;
  /** The socket takes nothing before this. */
  stalled: Promise<void> | undefined;
  isClosed = false;
  hasClosedWrite = false;

  send(write: (out: ByteWriter) => void): void {
    const out = new ByteWriter();
    write(out);
    this.#input.push(out.copy());
    this.#wake();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      if (this.isClosed) throw new Error("closed");
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const part = this.#input[0]!.subarray(0, into.length);
    into.set(part);
    const rest = this.#input[0]!.subarray(part.length);
    if (rest.length > 0) this.#input[0] = rest;
    else this.#input.shift();
    return part.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.stalled;
    const part = bytes.subarray(0, 999); // a socket takes what it likes
    this.#output.append(part);
    return part.length;
  }

  closeWrite(): Promise<void> {
    this.hasClosedWrite = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  /** What the server has sent so far, without the settings of its start. */
  frames(): Frame[] {
    const bytes = this.#output.copy();
    const view = new DataView(bytes.buffer);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = view.getUint32(at) >>> 8;
      if (at + 9 + size > bytes.length) break; // still being written
      frames.push({
        type: bytes[at + 3]!,
        flags: bytes[at + 4]!,
        stream: view.getUint32(at + 5),
        payload: bytes.subarray(at + 9, at + 9 + size),
      });
      at += 9 + size;
    }
    assert.deepEqual(frames.slice(0, 2).map(({ type }) => type), [
      FrameType.Settings,
      FrameType.WindowUpdate,
    ]);
    return frames.slice(2);
  }
}

interface Seen {
  readonly stream: Http2Stream;
  body: number[];
  how: "open" | "ended" | "aborted";
}

const clock = new SimulatedClock();

function connect(respond: (seen: Seen) => void = ({ stream }) => stream.respond(OK)) {
  const peer = new Peer();
  const seen: Seen[] = [];
  const connection = new Http2Connection(clock, peer, (stream) => {
    const one: Seen = { stream, body: [], how: "open" };
    seen.push(one);
    return {
      data: (bytes) => {
        if (one.body.length < 50_000) one.body.push(...bytes);
      },
      end: () => {
        one.how = "ended";
        respond(one);
      },
      abort: () => one.how = "aborted",
    };
  });
  const running = connection.run();
  peer.send((out) => out.append(PREFACE));
  return { peer, seen, connection, running };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

const headers = (out: ByteWriter, stream: number, flags = 0) =>
  writeFrame(out, FrameType.Headers, Flag.EndHeaders | flags, stream, EXCHANGE);
const data = (out: ByteWriter, stream: number, payload: Uint8Array, flags = 0) =>
  writeFrame(out, FrameType.Data, flags, stream, payload);
const decoded = (payload: Uint8Array) => Object.fromEntries(new HpackDecoder(1e6).decode(payload));

/** The code of the GOAWAY that must have ended the connection. */
function codeOf(peer: Peer): Http2Code {
  const last = peer.frames().at(-1)!;
  assert.equal(last.type, FrameType.Goaway);
  assert.equal(peer.isClosed, true);
  return new DataView(last.payload.slice().buffer).getUint32(4);
}

Deno.test("a request is read and answered with headers, body and trailers", async () => {
  const { peer, seen, running } = connect();
  peer.send((out) => {
    headers(out, 1);
    data(out, 1, Uint8Array.of(7, 8));
    data(out, 1, Uint8Array.of(9), Flag.EndStream);
  });
  await settle();
  assert.equal(seen[0]!.stream.headers.get(":path"), "/p");
  assert.deepEqual(seen[0]!.body, [7, 8, 9]);
  const [head, body, trailers, ...rest] = peer.frames();
  assert.deepEqual(decoded(head!.payload), { ":status": "200" });
  assert.deepEqual([...body!.payload], [1, 2, 3]);
  assert.deepEqual(decoded(trailers!.payload), { end: "yes" });
  assert.deepEqual([head!.flags, body!.flags, trailers!.flags], [4, 0, 5]);
  assert.deepEqual(rest, []);
  peer.end();
  await running;
  assert.equal(peer.isClosed, true);
});

Deno.test("frames may come in any pieces, padded, with priorities and continuations", async () => {
  const whole = new ByteWriter();
  const padded = new Uint8Array([2, ...[0, 0, 0, 3, 9], ...EXCHANGE.subarray(0, 4), 0, 0]);
  const flags = Flag.Padded | Flag.Priority;
  writeFrame(whole, FrameType.Headers, flags, 1, padded);
  writeFrame(whole, FrameType.Continuation, 0, 1, EXCHANGE.subarray(4, 9));
  writeFrame(whole, FrameType.Continuation, Flag.EndHeaders, 1, EXCHANGE.subarray(9));
  data(whole, 1, Uint8Array.of(3, 42, 0, 0, 0), Flag.Padded);
  writeFrame(whole, 0xfe as FrameType, 0xff, 1, Uint8Array.of(1)); // unknown
  data(whole, 1, new Uint8Array(20_000).fill(1));
  headers(whole, 1, Flag.EndStream); // trailers
  const bytes = whole.copy();
  for (const piece of [1, 7, 1000, bytes.length]) {
    const { peer, seen, running } = connect();
    for (let at = 0; at < bytes.length; at += piece) {
      peer.send((out) => out.append(bytes.subarray(at, at + piece)));
    }
    peer.end();
    await running;
    assert.equal(seen[0]!.how, "ended");
    assert.equal(seen[0]!.body.length, 20_001);
    assert.equal(seen[0]!.body[0], 42);
  }
});

Deno.test("answers wait for the peer's windows", async () => {
  const body = Uint8Array.from({ length: 100 }, (_, i) => i);
  const { peer, running } = connect(({ stream }) => stream.respond({ ...OK, body }));
  const sent = () =>
    peer.frames().filter(({ type }) => type === FrameType.Data)
      .flatMap(({ payload }) => [...payload]);
  peer.send((out) => {
    writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(0, 4, 0, 0, 0, 10));
    headers(out, 1, Flag.EndStream);
  });
  await settle();
  assert.equal(sent().length, 10);
  peer.send((out) => writeWords(out, FrameType.WindowUpdate, 1, 5));
  await settle();
  assert.equal(sent().length, 15);
  peer.send((out) => writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(0, 4, 0, 0, 0, 200)));
  await settle();
  assert.deepEqual(sent(), [...body]);
  assert.equal(peer.frames().at(-1)!.flags, Flag.EndHeaders | Flag.EndStream);
  peer.end();
  await running;
});

Deno.test("the connection's window is shared by its streams", async () => {
  const body = new Uint8Array(40_000);
  const { peer, running } = connect(({ stream }) => stream.respond({ ...OK, body }));
  const sent = () =>
    peer.frames().filter(({ type }) => type === FrameType.Data)
      .reduce((sum, { payload }) => sum + payload.length, 0);
  peer.send((out) => {
    headers(out, 1, Flag.EndStream);
    headers(out, 3, Flag.EndStream);
  });
  await settle();
  await settle();
  assert.equal(sent(), 65_535);
  peer.send((out) => writeWords(out, FrameType.WindowUpdate, 0, 100_000));
  await settle();
  assert.equal(sent(), 80_000);
  peer.end();
  await running;
});

Deno.test("an answer in pieces waits for windows, piece by piece, and ends when told", async () => {
  const journal: string[] = [];
  const { peer, running } = connect(async ({ stream }) => {
    stream.begin(OK.headers);
    for (const size of [8, 8]) {
      const hasRoom = await stream.write(new Uint8Array(size).fill(size));
      journal.push(`${size} ${hasRoom}`);
    }
    stream.end(OK.trailers);
    stream.respond(OK); // once
    assert.equal(await stream.write(Uint8Array.of(1)), false);
  });
  peer.send((out) => {
    writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(0, 4, 0, 0, 0, 10));
    headers(out, 1, Flag.EndStream);
  });
  await settle();
  assert.deepEqual(journal, ["8 true"]);
  peer.send((out) => writeWords(out, FrameType.WindowUpdate, 1, 100));
  await settle();
  assert.deepEqual(journal, ["8 true", "8 true"]);
  const frames = peer.frames().filter(({ stream }) => stream === 1);
  assert.deepEqual(frames.map(({ type, payload }) => [type, payload.length]), [
    [FrameType.Headers, OK.headers.length],
    [FrameType.Data, 8],
    [FrameType.Data, 2],
    [FrameType.Data, 6],
    [FrameType.Headers, OK.trailers.length],
  ]);
  assert.equal(frames.at(-1)!.flags, Flag.EndHeaders | Flag.EndStream);
  peer.end();
  await running;
});

Deno.test("a peer that goes away in the middle of an answer in pieces is told of, once", async () => {
  for (const way of ["reset", "lost"]) {
    const journal: unknown[] = [];
    const { peer, seen, running } = connect(async ({ stream }) => {
      stream.begin(OK.headers);
      journal.push(await stream.write(new Uint8Array(100_000)));
      journal.push(await stream.write(new Uint8Array(1)));
      stream.end(OK.trailers);
    });
    peer.send((out) => headers(out, 1, Flag.EndStream));
    await settle();
    assert.deepEqual(journal, []);
    if (way === "reset") peer.send((out) => writeWords(out, FrameType.RstStream, 1, 8));
    else peer.end();
    await settle();
    assert.deepEqual(journal, [false, false]);
    assert.equal(seen[0]!.how, "aborted");
    peer.end();
    await running;
  }
});

Deno.test("large answers take turns", async () => {
  const { peer, running } = connect(({ stream }) =>
    stream.respond({ ...OK, body: new Uint8Array(600_000) })
  );
  peer.send((out) => {
    writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(0, 4, 0, 16, 0, 0));
    writeWords(out, FrameType.WindowUpdate, 0, 10_000_000);
    for (const id of [1, 3, 5]) headers(out, id, Flag.EndStream);
  });
  for (let i = 0; i < 60; i++) await settle();
  const order = peer.frames().filter(({ type }) => type === FrameType.Data)
    .map(({ stream }) => stream);
  const firstEnd = order.lastIndexOf(1);
  const others = order.slice(0, firstEnd).filter((stream) => stream !== 1);
  // The first had the socket to itself before the others came.
  const together = order.slice(order.indexOf(5), firstEnd);
  together.forEach((stream, i) => assert.notEqual(stream, together[i + 1], order.join(" ")));
  assert.ok(others.length > order.length / 3, order.join(" "));
  assert.equal(peer.frames().filter(({ flags }) => flags === 5).length, 3);
  peer.end();
  await running;
});

Deno.test("bodies are not drawn on while the socket takes nothing", async () => {
  const body = new Uint8Array(2_000_000);
  const { peer, connection, running } = connect(({ stream }) => stream.respond({ ...OK, body }));
  const { promise, resolve } = Promise.withResolvers<void>();
  await settle();
  peer.stalled = promise;
  peer.send((out) => {
    writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(0, 4, 0, 64, 0, 0));
    writeWords(out, FrameType.WindowUpdate, 0, 10_000_000);
    for (const id of [1, 3, 5]) headers(out, id, Flag.EndStream);
  });
  await settle();
  assert.ok(connection.output.length < 300_000, String(connection.output.length));
  resolve();
  const ended = () => peer.frames().filter(({ flags }) => flags === 5).length;
  while (ended() < 3) for (let i = 0; i < 30; i++) await settle();
  peer.end();
  await running;
});

Deno.test("windows are opened again as bodies arrive", async () => {
  const { peer, running } = connect();
  const chunk = new Uint8Array(60_000);
  peer.send((out) => headers(out, 1));
  for (let i = 0; i < 200; i++) peer.send((out) => data(out, 1, chunk));
  peer.send((out) => data(out, 1, NOTHING, Flag.EndStream));
  peer.end();
  await running;
  const updates = peer.frames().filter(({ type }) => type === FrameType.WindowUpdate);
  const credit = (id: number) =>
    updates.filter(({ stream }) => stream === id)
      .reduce((sum, { payload }) => sum + new DataView(payload.slice().buffer).getUint32(0), 0);
  assert.ok(credit(0) >= 12_000_000 - 8 * 2 ** 20 && credit(0) <= 12_000_000, String(credit(0)));
  assert.ok(credit(1) >= 12_000_000 - 2 * 2 ** 20 && credit(1) <= 12_000_000, String(credit(1)));
});

Deno.test("an answer before the end of the request tells the peer to stop sending", async () => {
  const peer = new Peer();
  const connection = new Http2Connection(clock, peer, (stream) => ({
    data: () => stream.respond({ headers: OK.headers }),
    end: () => assert.fail("must not end"),
    abort: () => assert.fail("was answered"),
  }));
  const running = connection.run();
  peer.send((out) => {
    out.append(PREFACE);
    headers(out, 1);
    data(out, 1, NOTHING.slice());
    data(out, 1, Uint8Array.of(1));
    data(out, 1, Uint8Array.of(2)); // sent before it knew
    headers(out, 1, Flag.EndStream);
  });
  await settle();
  assert.deepEqual(peer.frames().map(({ type }) => type), [FrameType.Headers, FrameType.RstStream]);
  peer.end();
  await running;
});

Deno.test("a reset or a lost connection aborts, once, what was not answered", async () => {
  const { peer, seen, running } = connect(() => {});
  peer.send((out) => {
    headers(out, 1, Flag.EndStream);
    headers(out, 3);
    headers(out, 5);
    writeWords(out, FrameType.RstStream, 1, 8);
    writeWords(out, FrameType.RstStream, 3, 8);
    data(out, 3, Uint8Array.of(1)); // late, and of no use
  });
  await settle();
  assert.deepEqual(seen.map(({ how }) => how), ["aborted", "aborted", "open"]);
  seen[0]!.stream.respond(OK);
  await settle();
  assert.deepEqual(peer.frames(), []);
  peer.end();
  await running;
  assert.equal(seen[2]!.how, "aborted");
});

Deno.test("pings and settings are acknowledged", async () => {
  const { peer, running } = connect();
  const payload = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  peer.send((out) => {
    writeFrame(out, FrameType.Settings, 0, 0, NOTHING);
    writeFrame(out, FrameType.Settings, Flag.Ack, 0, NOTHING);
    writeFrame(out, FrameType.Ping, 0, 0, payload);
    writeFrame(out, FrameType.Ping, Flag.Ack, 0, payload);
  });
  await settle();
  assert.deepEqual(
    peer.frames().map(({ type, flags, payload }) => [type, flags, payload.length]),
    [[FrameType.Settings, Flag.Ack, 0], [FrameType.Ping, Flag.Ack, 8]],
  );
  peer.end();
  await running;
});

Deno.test("stopping answers what is in flight, refuses the rest and then ends", async () => {
  const { peer, seen, connection, running } = connect(() => {});
  peer.send((out) => headers(out, 1, Flag.EndStream));
  await settle();
  connection.stop();
  peer.send((out) => headers(out, 3, Flag.EndStream));
  await settle();
  assert.equal(seen.length, 1);
  assert.equal(peer.hasClosedWrite, false);
  seen[0]!.stream.respond(OK);
  await settle();
  assert.equal(peer.hasClosedWrite, true);
  const types = peer.frames().map(({ type }) => type);
  assert.deepEqual(types.slice(0, 2), [FrameType.Goaway, FrameType.RstStream]);
  peer.end();
  await running;
});

Deno.test("a peer that does not close its side after the end is not waited for", async () => {
  const { peer, connection, running } = connect();
  await settle();
  connection.stop();
  await settle();
  assert.equal(peer.hasClosedWrite, true);
  await clock.advance(999);
  assert.equal(peer.isClosed, false);
  await clock.advance(1);
  assert.equal(peer.isClosed, true);
  await running;
});

Deno.test("more streams than allowed are refused and may be tried again", async () => {
  const { peer, seen, running } = connect(() => {});
  peer.send((out) => {
    for (let i = 0; i < 260; i++) headers(out, 1 + 2 * i, Flag.EndStream);
  });
  await settle();
  assert.equal(seen.length, 250);
  const refused = peer.frames().filter(({ type }) => type === FrameType.RstStream);
  assert.deepEqual(refused.map(({ payload }) => payload[3]), new Array(10).fill(7));
  peer.end();
  await running;
});

const breaches: [string, (out: ByteWriter) => void, Http2Code][] = [
  ["frame too large", (out) => out.append(Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0, 0)), 6],
  ["even stream", (out) => headers(out, 2), 1],
  ["data on an idle stream", (out) => data(out, 1, NOTHING), 1],
  ["data on the connection", (out) => data(out, 0, NOTHING), 1],
  ["push", (out) => writeFrame(out, FrameType.PushPromise, 4, 1, NOTHING), 1],
  ["continuation of nothing", (out) => writeFrame(out, FrameType.Continuation, 4, 1, NOTHING), 1],
  ["bad settings", (out) => writeFrame(out, FrameType.Settings, 0, 0, Uint8Array.of(1)), 6],
  ["bad ping", (out) => writeFrame(out, FrameType.Ping, 0, 0, Uint8Array.of(1)), 6],
  ["empty window update", (out) => writeWords(out, FrameType.WindowUpdate, 0, 0), 1],
  ["window overflow", (out) => writeWords(out, FrameType.WindowUpdate, 0, 2 ** 31 - 1), 3],
  [
    "broken header block",
    (out) => writeFrame(out, FrameType.Headers, 4, 1, Uint8Array.of(0x80)),
    9,
  ],
  ["too much padding", (out) => {
    headers(out, 1);
    data(out, 1, Uint8Array.of(9, 1), Flag.Padded);
  }, 1],
  ["data after the end", (out) => {
    headers(out, 1, Flag.EndStream);
    data(out, 1, Uint8Array.of(1));
  }, 5],
  ["interrupted header block", (out) => {
    writeFrame(out, FrameType.Headers, 0, 1, EXCHANGE);
    data(out, 1, Uint8Array.of(1));
  }, 1],
  ["endless header block", (out) => {
    writeFrame(out, FrameType.Headers, 0, 1, NOTHING);
    for (let i = 0; i < 9; i++) {
      writeFrame(out, FrameType.Continuation, 0, 1, new Uint8Array(4096));
    }
  }, 11],
];

for (const [name, write, code] of breaches) {
  Deno.test(`a breach ends the connection, and says why: ${name}`, async () => {
    const { peer, running } = connect(() => {});
    peer.send(write);
    await running;
    assert.equal(codeOf(peer), code);
  });
}

Deno.test("whoever does not speak HTTP/2 is told so", async () => {
  const peer = new Peer();
  const running = new Http2Connection(clock, peer, () => assert.fail()).run();
  peer.send((out) =>
    out.append(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: example.org\r\n"))
  );
  await running;
  assert.equal(codeOf(peer), Http2Code.ProtocolError);
});

Deno.test("whatever bytes come, the connection ends and nothing else happens", async () => {
  const frame = fc.record({
    type: fc.nat({ max: 10 }),
    flags: fc.nat({ max: 255 }),
    stream: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2 ** 31 - 1 })),
    payload: fc.oneof(
      fc.constant(EXCHANGE),
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ minLength: 4, maxLength: 8 }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 12 }), fc.uint8Array(), async (frames, rest) => {
      const { peer, seen, running } = connect();
      peer.send((out) => {
        for (const { type, flags, stream, payload } of frames) {
          writeFrame(out, type, flags, stream, payload);
        }
        out.append(rest);
      });
      peer.end();
      await running;
      assert.equal(peer.isClosed, true);
      for (const { how } of seen) assert.notEqual(how, "open");
    }),
    { numRuns: 300 },
  );
});
