// deno-lint-ignore-file no-console house/no-ambient-world
// The first promise: an acknowledged span is never lost. The process is killed fifty times at random
// moments under load; clients remember what was acknowledged; afterwards all of it is found by id
// and by search, none of it twice.
import assert from "node:assert/strict";

import { GrpcJsSender } from "../../bench/load/grpc_js_sender.ts";
import { HttpSender } from "../../bench/load/http_sender.ts";
import {
  createWaves,
  RequestSource,
  type SentTrace,
  traceIdOf,
} from "../../bench/load/request_source.ts";
import { runLoad } from "../../bench/load/run_load.ts";
import { type Sender, SENDER_ROOM_BYTES } from "../../bench/load/sender.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import { eventually, findTrace, search } from "../support/query_client.ts";
import { freePorts, ServerProcess } from "../support/server_process.ts";

const LIVES = 50;
const forever = new AbortController().signal;

/** Small sections, so that blocks are being built and offsets committed when the end comes. */
const SEGNO = "  section: {spans_max: 4000, age_max: 700ms}";

Deno.test({
  name: "what was acknowledged is there after fifty kills, and none of it twice",
  // grpc-js keeps timers of its own beyond the close of a channel.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1e9);
    console.log(`SEED=${seed}`);
    const random = seededRandom(seed);
    const dir = Deno.makeTempDirSync({ prefix: "segno-kill-" });
    const ports = freePorts();
    const sources = [0, 1, 2].map((connection) => killSource(seed * 10 + connection));
    const acked: SentTrace[] = [];
    const startSeconds = Math.floor(Date.now() / 1_000) - 60;
    try {
      for (let life = 0; life < LIVES; life++) {
        await using server = await ServerProcess.start({ dir, ports, segno: SEGNO });
        acked.push(...await liveAndDie(server, sources, random));
      }
      await using server = await ServerProcess.start({ dir, ports, segno: SEGNO });
      const counts = new Map(acked.map((trace) => [traceIdOf(trace), trace.spanCount]));
      assert.equal(counts.size, acked.length);
      assert.ok(acked.length > LIVES * 5, `only ${acked.length} traces were acknowledged`);
      await assertAllFoundById(server.url, counts);
      await assertAllFoundBySearch(server.url, counts, startSeconds);
      console.log(`${LIVES} kills, ${acked.length} acknowledged traces, all there`);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

/** Each trace in one request, so that it was acknowledged whole or not at all. */
function killSource(seed: number): RequestSource {
  const random = seededRandom(seed);
  const roomBytes = SENDER_ROOM_BYTES;
  const waves = createWaves(random, {
    spansPerRequest: 60,
    requestsPerWave: 1,
    waves: 10,
    roomBytes,
  });
  return new RequestSource(systemClock, random, waves);
}

/** The traces that this life acknowledged. */
async function liveAndDie(
  server: ServerProcess,
  sources: readonly RequestSource[],
  random: Random,
): Promise<SentTrace[]> {
  await using senders = new AsyncDisposableStack();
  const connections = [];
  // Some lives under full load, others under less, so that more of them can be looked for.
  const pauseMs = random.next() < 0.1 ? 0 : 5 + 25 * random.next();
  for (const [i, source] of sources.entries()) {
    const sender = i === 0
      ? new GrpcJsSender(server.ports.otlpGrpc)
      : await HttpSender.open(server.ports.otlpHttp);
    connections.push({ sender: paced(senders.use(sender), pauseMs), source });
  }
  const load = runLoad({ clock: systemClock, connections, secondsMax: 30, spansMax: Infinity });
  await sleep(systemClock, 100 + 800 * random.next(), forever);
  await server.kill();
  const { traces, refusals } = await load;
  assert.deepEqual(refusals, {}, "a healthy server refuses nothing");
  return traces;
}

function paced(sender: Sender, pauseMs: number): Sender {
  if (pauseMs === 0) return sender;
  return {
    async send(template) {
      const outcome = await sender.send(template);
      await sleep(systemClock, pauseMs, forever);
      return outcome;
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

async function assertAllFoundById(url: string, counts: Map<string, number>): Promise<void> {
  const left = [...counts];
  const look = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [traceId, spanCount] = next;
      const spans = await findTrace(url, traceId);
      const distinct = new Set(spans.map((span) => `${span.spanId} ${span.kind}`));
      assert.equal(distinct.size, spans.length, `${traceId} has a span twice`);
      assert.equal(spans.length, spanCount, `spans of ${traceId}`);
    }
  };
  await Promise.all([look(), look(), look(), look()]);
}

async function assertAllFoundBySearch(
  url: string,
  counts: Map<string, number>,
  startSeconds: number,
): Promise<void> {
  const found = await eventually(
    () =>
      search(url, '{ resource.service.namespace != "" }', {
        limit: 200_000,
        spss: 1,
        start: startSeconds,
        end: Math.ceil(Date.now() / 1_000) + 60,
      }),
    ({ length }) => length >= counts.size,
  );
  const matched = new Map(found.map((trace) => [trace.traceId, trace.matched]));
  assert.equal(matched.size, found.length, "a trace is told twice");
  for (const [traceId, spanCount] of counts) {
    assert.equal(matched.get(traceId), spanCount, `spans of ${traceId} that a search matched`);
  }
}
