// deno-lint-ignore-file house/no-ambient-world
// `deno task cluster` as a new user runs it: every process of a fleet on this machine, spans in at one end and
// found at the other, a process that is killed and comes back, and nothing left when it is told to end.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import type { Addresses } from "../../../tools/cluster/addresses.ts";
import { startVersitygw } from "../../support/bucket_servers.ts";
import { deployedMetrics, isExposed } from "../../support/deployed_expressions.ts";
import { startKafka } from "../../support/kafka_server.ts";
import { eventually, findTrace, metric, search } from "../../support/query_client.ts";
import { skipped } from "../../support/skipped.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const READY_WITHIN_MS = 180_000;
const TRACES = 20;
/** Of a process that reads a file of limits, which those of the cluster do not. */
const ONLY_WITH_LIMITS = ["tempo_runtime_config_last_reload_successful"];

// Fetched here where they are missing, so that what cannot be had is told as for other suites.
const isThere = await fetched().catch(skipped("a cluster on one machine"));

if (isThere) {
  Deno.test("a cluster of processes takes spans, finds them, outlives a kill, and ends", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-cluster-test-" });
    try {
      // Stands for a Prometheus: generator_fleet_test.ts has a real one.
      let written = 0;
      await using prometheus = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen: () => {} },
        async (request) => {
          if (request.headers.has("X-Prometheus-Remote-Write-Version")) {
            written += (await request.bytes()).length;
          }
          return new Response(null, { status: 204 });
        },
      );
      await using cluster = new RunningCluster(dir, prometheus.addr.port);
      const addresses = await cluster.ready();
      assert.equal(addresses.queries.length, 2);
      assert.equal(addresses.otlpHttp.length, 2);

      const ids = await sendTraces(addresses.otlpHttp);
      for (const url of addresses.queries) await assertFound(url, ids);
      await assertRings(addresses);
      await assertMetrics(addresses);
      const isWritten = () => Promise.resolve(written > 0);
      assert.ok(await eventually(isWritten, (yes) => yes, 60_000), "metrics of traces are sent");

      const victim = addresses.members.find(({ name }) => name === "live-store-zone-a-0")!;
      Deno.kill(victim.pid!, "SIGKILL");
      await assertFound(addresses.queries[0]!, ids.slice(0, 3));
      assert.ok(await cluster.says("live-store-zone-a-0 ended with 137 and is started again"));
      await eventually(() => isReady(victim.url), (yes) => yes, 60_000);
      assert.ok(await isReady(victim.url), "the live-store comes back");

      // Blocks of the block-builder, in the bucket.
      const blocks = () => metric(addresses.queries[1]!, "tempodb_blocklist_length");
      assert.ok(await eventually(blocks, (count) => count > 0, 90_000) > 0, "blocks are built");
      await assertFound(addresses.queries[1]!, ids);

      assert.equal(await cluster.end(), 0);
      const { pids } = JSON.parse(Deno.readTextFileSync(`${dir}/cluster.json`)) as Addresses;
      assert.ok(pids.length >= 14);
      assert.deepEqual(pids.filter(isAlive), [], "every process has ended");
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });

  Deno.test("what the machine lacks is told before anything is started", async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "tools/cluster/main.ts"],
      cwd: ROOT,
      env: { PATH: "/nowhere", HOME: "/nowhere" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 1);
    for (const wanted of [/Java 17/, /Maven/, /Go 1\.21/]) assert.match(text, wanted);
  });
}

async function fetched(): Promise<boolean> {
  await using _kafka = await startKafka();
  await using _s3 = await startVersitygw();
  return true;
}

class RunningCluster implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #text = "";
  #isOver = false;

  constructor(readonly dir: string, prometheusPort: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["task", "cluster", "--partitions", "1", "--ports", "0", "--dir", dir],
        ...["--remote-write", `http://127.0.0.1:${prometheusPort}/api/v1/write`],
      ],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)])
      .then(() => {});
    void this.#child.status.then(() => this.#isOver = true);
  }

  async ready(): Promise<Addresses> {
    const isReady = () => Promise.resolve(/\nready: /.test(this.#text) || this.#isOver);
    await eventually(isReady, (yes) => yes, READY_WITHIN_MS);
    assert.match(this.#text, /\nready: 2 zones, 1 partition\n/, this.#text);
    return JSON.parse(Deno.readTextFileSync(`${this.dir}/cluster.json`));
  }

  says(words: string): Promise<boolean> {
    return eventually(() => Promise.resolve(this.#text.includes(words)), (yes) => yes);
  }

  /** As Ctrl-C does; answers the exit code. */
  async end(): Promise<number> {
    this.#child.kill("SIGINT");
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.end();
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#text += text;
  }
}

/** To all distributors in turn; answers the ids. */
async function sendTraces(urls: readonly string[]): Promise<string[]> {
  const ids = Array.from({ length: TRACES }, (_, i) => (i + 1).toString(16).padStart(32, "c"));
  const startNanos = `${Date.now() - 1_000}000000`;
  for (const [i, traceId] of ids.entries()) {
    const span = { traceId, spanId: "0123456789abcdef", name: `step ${i}`, kind: 2 };
    const times = { startTimeUnixNano: startNanos, endTimeUnixNano: `${Date.now()}000000` };
    const value = { stringValue: "cluster-test" };
    const response = await fetch(urls[i % urls.length]!, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        resourceSpans: [{
          resource: { attributes: [{ key: "service.name", value }] },
          scopeSpans: [{ spans: [{ ...span, ...times }] }],
        }],
      }),
    });
    assert.equal(response.status, 200, await response.text());
  }
  return ids;
}

/** By id, by a search and by a count over time. */
async function assertFound(url: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const spans = await eventually(() => findTrace(url, id), ({ length }) => length > 0, 20_000);
    assert.equal(spans.length, 1, `spans of ${id} by ${url}`);
  }
  const query = `{ resource.service.name = "cluster-test" }`;
  const found = await eventually(
    () => search(url, query, { limit: 100 }),
    ({ length }) => length === TRACES,
    20_000,
  );
  assert.equal(found.length, TRACES, "traces by search");
  const spans = await eventually(() => counted(url, query), (count) => count === TRACES, 20_000);
  assert.equal(spans, TRACES, "spans by metrics");
}

async function counted(url: string, query: string): Promise<number> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const parameters = new URLSearchParams({
    q: `${query} | count_over_time()`,
    start: String(nowSeconds - 600),
    end: String(nowSeconds + 60),
    step: "60s",
  });
  const response = await fetch(`${url}/api/metrics/query_range?${parameters}`);
  const text = await response.text();
  assert.ok(response.ok, text);
  const { series = [] } = JSON.parse(text);
  return series.flatMap(({ samples }: { samples: { value?: number }[] }) => samples)
    .reduce((sum: number, { value = 0 }: { value?: number }) => sum + value, 0);
}

async function assertRings({ rings, queries }: Addresses): Promise<void> {
  for (const page of [...rings, `${queries[0]}/partition-ring`]) {
    const response = await fetch(page, { headers: { Accept: "application/json" } });
    const text = await response.text();
    assert.equal(response.status, 200, `${page}: ${text}`);
    if (!page.endsWith("/partition-ring")) continue;
    assert.match(text, /live-store-zone-a-0/);
    assert.match(text, /live-store-zone-b-0/);
  }
}

/** What alerts, the dashboard and autoscalers ask for is there to be asked. */
async function assertMetrics({ members }: Addresses): Promise<void> {
  const texts = await Promise.all(members.map(async ({ url }) => {
    return await (await fetch(`${url}/metrics`)).text();
  }));
  const exposed = new Set(
    texts.flatMap((text) => Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name!)),
  );
  for (const name of ONLY_WITH_LIMITS) exposed.add(name);
  assert.deepEqual(deployedMetrics().filter((name) => !isExposed(name, exposed)), []);
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/ready`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** A signal that does nothing to a process that runs. */
function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
