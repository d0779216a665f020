// Frontend and queriers over real gRPC on loopback: queriers die with jobs, frontends are started again.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { defaultGrpcServerOptions, GrpcServer } from "../../lib/grpc_server.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { QueryRequest, TagsAnswer, TagsRequest } from "../engine/mod.ts";
import {
  BlockQuerier,
  defaultQuerierOptions,
  type FindResult,
  type Scanner,
  type ScanResult,
} from "../querier/mod.ts";
import { ConnectedQueriers } from "./connected_queriers.ts";
import { GrpcFrontendLink } from "./frontend_link.ts";
import { FrontendWorker } from "./frontend_worker.ts";

/** Less than a batch of traces. */
const MESSAGE_BYTES_MAX = 1 << 20;
const never = new AbortController().signal;
const BLOCKS = Array.from(
  { length: 60 },
  (_, i) => ({ tenantID: "acme", blockID: `block-${i}`, size: 10 }) as BlockMeta,
);
const request: TagsRequest = {
  kind: "tags",
  tenant: "acme",
  scope: "",
  query: "",
  startSeconds: 0,
  endSeconds: 0,
};

/** Tells the names of the blocks, after a while. */
class SlowScanner implements Scanner {
  begun = 0;

  constructor(readonly delayMs: number, readonly tagsPerBlock = 1) {}

  async scan<R extends QueryRequest>(
    _: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    this.begun += blocks.length;
    await sleep(systemClock, this.delayMs, signal);
    signal.throwIfAborted();
    const names = blocks.flatMap(({ blockID }) =>
      Array.from({ length: this.tagsPerBlock }, (_, i) => `${blockID}/${i}`)
    );
    const answer: TagsAnswer = {
      kind: "tags",
      scopes: { span: names },
      inspectedTraces: 0,
      inspectedSpans: 0,
      inspectedBytes: 1,
    };
    return { answer: answer as ScanResult<R>["answer"], completedBlocks: blocks.length };
  }

  estimate(): Promise<number> {
    return Promise.resolve(1);
  }

  find(_: Uint8Array, blocks: readonly BlockMeta[]): Promise<FindResult> {
    const traces = blocks.map(() => new Uint8Array(100_000).fill(9));
    return Promise.resolve({ traces, failedBlocks: [], isListStale: false });
  }
}

class Frontend implements AsyncDisposable {
  readonly queriers: ConnectedQueriers;
  readonly blocks: BlockQuerier;
  readonly server: GrpcServer;
  readonly port: number;

  constructor(readonly runtime: Runtime = createRuntime(), port = 0) {
    this.queriers = new ConnectedQueriers(runtime);
    const list = { blocks: () => BLOCKS, blocksOverlapping: () => BLOCKS };
    this.blocks = new BlockQuerier(runtime, list, this.queriers, {
      ...defaultQuerierOptions,
      jobs: { ...defaultQuerierOptions.jobs, batchMax: 3, scannerWaitMs: 20_000 },
    });
    const options = {
      ...defaultGrpcServerOptions,
      closeTimeoutMs: 200,
      receivedBytesMax: MESSAGE_BYTES_MAX,
    };
    this.server = new GrpcServer(runtime, this.queriers.methods(), options);
    this.port = this.server.listen("127.0.0.1", port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.queriers.stop();
    await this.server[Symbol.asyncDispose]();
  }
}

/** `cut`: what happens to its connections when its process dies. */
function querier(name: string, ports: () => number[], scanner: Scanner) {
  const cut = new AbortController();
  const runtime = createRuntime();
  const lookup = () =>
    Promise.resolve(cut.signal.aborted ? [] : ports().map((port) => `127.0.0.1:${port}`));
  const connect = (address: string) => {
    const link = new GrpcFrontendLink(systemClock, address, {
      timeoutMs: 2_000,
      receivedBytesMax: 1 << 20,
    });
    const { pull, answer } = link;
    link.pull = (request, signal) =>
      pull.call(link, request, AbortSignal.any([signal, cut.signal]));
    link.answer = (part, signal) =>
      cut.signal.aborted
        ? Promise.reject(new UnavailableError("dead"))
        : answer.call(link, part, signal);
    return link;
  };
  const worker = new FrontendWorker(runtime, scanner, lookup, connect, {
    querier: name,
    lanes: () => 2,
    lookupEveryMs: 20,
    stopTimeoutMs: 500,
  });
  return { worker, kill: () => cut.abort(new UnavailableError("killed")) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(systemClock, 2, never);
}

const tagsOf = ({ answer }: { readonly answer: TagsAnswer }) => [...answer.scopes.span!].sort();
const all = (tagsPerBlock = 1) =>
  BLOCKS.flatMap(({ blockID }) => Array.from({ length: tagsPerBlock }, (_, i) => `${blockID}/${i}`))
    .sort();

Deno.test("a querier that dies with jobs has them done by the other", async () => {
  await using frontend = new Frontend();
  const scanners = [new SlowScanner(15), new SlowScanner(15)];
  const queriers = scanners.map((one, i) => querier(`q${i}`, () => [frontend.port], one));
  await until(() => frontend.queriers.all.length === 2);
  const answers = Promise.all([1, 2, 3].map(() => frontend.blocks.query(request, never)));
  await until(() => scanners.every(({ begun }) => begun > 6));
  queriers[0]!.kill();
  for (const answer of await answers) assert.deepEqual(tagsOf(answer), all());
  assert.equal(frontend.queriers.all.length, 1);
  assert.ok(scanners[0]!.begun < 120);
  for (const { worker } of queriers) await worker[Symbol.asyncDispose]();
});

Deno.test("questions wait for queriers to come back to a frontend that was started again", async () => {
  let frontend = new Frontend();
  const { port } = frontend;
  const queriers = ["a", "b"].map((name) => querier(name, () => [port], new SlowScanner(1)));
  await until(() => frontend.queriers.all.length === 2);
  for (let life = 0; life < 3; life++) {
    const answer = await frontend.blocks.query(request, never);
    assert.deepEqual(tagsOf(answer), all());
    await frontend[Symbol.asyncDispose]();
    frontend = new Frontend(createRuntime(), port);
  }
  assert.deepEqual(tagsOf(await frontend.blocks.query(request, never)), all());
  for (const { worker } of queriers) await worker[Symbol.asyncDispose]();
  assert.deepEqual(frontend.queriers.all, []);
  await frontend[Symbol.asyncDispose]();
});

Deno.test("answers larger than a message come whole, and traces as they are", async () => {
  await using frontend = new Frontend();
  const { worker } = querier("q", () => [frontend.port], new SlowScanner(0, 300));
  await until(() => frontend.queriers.all.length === 1);
  assert.deepEqual(tagsOf(await frontend.blocks.query(request, never)), all(300));
  const { traces } = await frontend.blocks.findTrace("acme", new Uint8Array(16), never);
  assert.equal(traces.length, 60);
  assert.ok(traces.every((trace) => trace.length === 100_000 && trace[99_999] === 9));
  // At once, not because each was tried again alone.
  const text = await frontend.runtime.metrics.text();
  assert.match(text, /query_frontend_retries_sum 0/);
  assert.match(text, /lost_queriers_total 0/);
  await worker[Symbol.asyncDispose]();
});

Deno.test("two frontends have their jobs done by the same queriers, each at the same home", async () => {
  await using one = new Frontend();
  await using other = new Frontend();
  const ports = () => [one.port, other.port];
  const queriers = ["a", "b"].map((name) => querier(name, ports, new SlowScanner(1)));
  await until(() => [one, other].every(({ queriers }) => queriers.all.length === 2));
  const answers = await Promise.all([one, other].map(({ blocks }) => blocks.query(request, never)));
  for (const answer of answers) assert.deepEqual(tagsOf(answer), all());
  for (const block of BLOCKS) {
    const [home, same] = [one, other].map(({ queriers }) =>
      (queriers.homeOf(block) as unknown as { readonly querier: string }).querier
    );
    assert.equal(home, same);
  }
  for (const { worker } of queriers) await worker[Symbol.asyncDispose]();
});

Deno.test("without queriers a question fails after a while, and says why", async () => {
  const runtime = createRuntime();
  const queriers = new ConnectedQueriers(runtime);
  const list = { blocks: () => BLOCKS, blocksOverlapping: () => BLOCKS };
  const blocks = new BlockQuerier(runtime, list, queriers, {
    ...defaultQuerierOptions,
    jobs: { ...defaultQuerierOptions.jobs, scannerWaitMs: 30 },
  });
  await assert.rejects(blocks.query(request, never), {
    name: "UnavailableError",
    message: /no querier has been connected/,
  });
});
