import assert from "node:assert/strict";
import { RawHttp2 } from "../tests/support/raw_http2.ts";
import { systemClock } from "./clock.ts";
import { http2Fetch } from "./http2_fetch.ts";
import { Flag, FrameType } from "./http2_frame.ts";
import { Http2Server } from "./http2_server.ts";

function serving(fetch: (request: Request) => Promise<Response>) {
  const server = new Http2Server(systemClock, http2Fetch({ bodyBytesMax: 1000, fetch }));
  return {
    port: server.listen("127.0.0.1", 0),
    [Symbol.asyncDispose]: () => server.close(1000, () => {}),
  };
}

const GET = { ":method": "GET", ":path": "/api/search?q=x", ":authority": "segno:1" };
const POST = { ":method": "POST", ":path": "/p", ":authority": "segno:1", "x-scope-orgid": "a" };

Deno.test("a request and its answer are what fetch sees and says", async () => {
  await using server = serving(async (request) => {
    const seen = [request.method, request.url, request.headers.get("x-scope-orgid")];
    return Response.json([...seen, await request.text()], { status: 203 });
  });
  using get = await RawHttp2.connect(server.port);
  await get.request(1, GET);
  const answer = await get.answer();
  assert.deepEqual([answer.headers.get(":status"), answer.headers.get("content-type")], [
    "203",
    "application/json",
  ]);
  assert.deepEqual(JSON.parse(answer.text), ["GET", "http://segno:1/api/search?q=x", null, ""]);
  using post = await RawHttp2.connect(server.port);
  await post.request(1, POST, new TextEncoder().encode("body"));
  assert.deepEqual(JSON.parse((await post.answer()).text), [
    "POST",
    "http://segno:1/p",
    "a",
    "body",
  ]);
});

Deno.test("a body over the limit is refused", async () => {
  await using server = serving(() => Promise.resolve(new Response("")));
  using client = await RawHttp2.connect(server.port);
  await client.request(1, POST, new Uint8Array(1001));
  assert.equal((await client.answer()).headers.get(":status"), "413");
});

Deno.test("an answer that breaks is not taken for whole", async () => {
  await using server = serving(() =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(10));
            controller.error(new Error("broken"));
          },
        }),
      ),
    )
  );
  using client = await RawHttp2.connect(server.port);
  await client.request(1, GET);
  const { frames } = await client.answer();
  assert.equal(frames.at(-1)!.type, FrameType.RstStream);
});

Deno.test("a client that goes away stops the request, and the answer", async () => {
  const aborted = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await using server = serving((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(60_000)),
      cancel: () => cancelled.resolve(),
    });
    return Promise.resolve(new Response(body));
  });
  using client = await RawHttp2.connect(server.port);
  await client.request(1, GET);
  assert.equal((await client.frame()).flags & Flag.EndStream, 0);
  await client.reset(1);
  await Promise.all([aborted.promise, cancelled.promise]);
});
