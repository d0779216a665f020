// deno-lint-ignore-file no-console house/no-ambient-world
// A rolling update, with a real older version: `deno task rolling REVISION`. The tree of that revision
// is taken from the history and runs beside this one, both on one bucket, each with a log of its own.
// Rules: whatever either of them has written, both find, whole and once, by id and by search; while blocks
// are merged by the one the other misses nothing; once the older one has stopped the newer one has it all.
// It needs the history, which a shallow clone does not have: hence a script, whose outcome is told in
// docs/operations.md, and no test.
import { HttpSender } from "../../bench/load/http_sender.ts";
import { createWaves, RequestSource, traceIdOf } from "../../bench/load/request_source.ts";
import { SENDER_ROOM_BYTES } from "../../bench/load/sender.ts";
import { systemClock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import { seededRandom } from "../../lib/random.ts";
import { S3_KEYS, startVersitygw } from "../support/bucket_servers.ts";
import { eventually, findTrace, metric, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";

const WAVES = 12;
const WITHIN_MS = 120_000;
/** Of each round. */
const MERGED_MIN = 2;
/** After a merge its inputs are marked, and lists are polled. */
const MARKED_WITHIN_MS = 5_000;
const forever = new AbortController().signal;

/** Spans by trace. */
type Sent = Map<string, number>;

const [revision] = Deno.args;
if (revision === undefined) {
  console.error("usage: deno task rolling REVISION");
  Deno.exit(2);
}
const dir = Deno.makeTempDirSync({ prefix: "segno-rolling-" });
try {
  const root = await treeOf(revision, `${dir}/tree`);
  await using bucket = await startVersitygw();
  Deno.mkdirSync(`${bucket.dir}/traces`);
  const config = configOf(bucket.address);
  const start = (name: string, root?: string) =>
    ServerProcess.start({
      dir: `${dir}/${name}`,
      config,
      segno: "  section: {spans_max: 2000, age_max: 2s}",
      readyWithinMs: 120_000,
      ...root === undefined ? {} : { root },
    });
  await using older = await start("older", root);
  await using newer = await start("newer");
  console.log(`${revision} and this version run on one bucket`);

  const all: Sent = new Map();
  for (let round = 1; round <= 2; round++) {
    const before = await metric(newer.url, "tempodb_compaction_blocks_total");
    for (const [seed, server] of [older, newer].entries()) {
      for (const [id, spans] of await sent(server, round * 10 + seed)) all.set(id, spans);
      await flushed(server);
    }
    await bothFind(all, older, newer);
    let isMerging = true;
    const looking = looksWhile(older, all, () => isMerging);
    const merged = await eventually(
      () => metric(newer.url, "tempodb_compaction_blocks_total"),
      (blocks) => blocks >= before + MERGED_MIN,
      WITHIN_MS,
    );
    await sleep(systemClock, MARKED_WITHIN_MS, forever);
    isMerging = false;
    const looks = await looking;
    console.log(
      `round ${round}: ${all.size} traces found whole by both; ${merged} blocks merged by the newer ` +
        `one, the older one was asked ${looks} times meanwhile`,
    );
    if (merged < before + MERGED_MIN) throw new Error("nothing was merged");
    await bothFind(all, older, newer);
  }
  const code = await older.stop();
  await missing(newer, all, WITHIN_MS);
  console.log(`the older one has stopped with ${code}; the newer one finds all ${all.size} traces`);
} finally {
  Deno.removeSync(dir, { recursive: true });
}

/** The program as it was, with what it depends on. */
async function treeOf(revision: string, path: string): Promise<string> {
  Deno.mkdirSync(path);
  const quoted = [revision, path].map((word) => `'${word.replaceAll("'", "")}'`);
  await ran("sh", ["-c", `git archive ${quoted[0]} | tar x -C ${quoted[1]}`], ".");
  await ran(Deno.execPath(), ["install"], path);
  return path;
}

async function ran(command: string, args: string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, cwd, stdout: "null" })
    .output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

function configOf(endpoint: string): string {
  const { accessKeyId, secretAccessKey } = S3_KEYS;
  return `
storage:
  trace:
    backend: s3
    blocklist_poll: 1s
    s3: {bucket: traces, endpoint: "${endpoint}", region: us-east-1, insecure: true, forcepathstyle: true, access_key: ${accessKeyId}, secret_key: ${secretAccessKey}}
overrides:
  defaults:
    ingestion: {rate_limit_bytes: 1000000000, burst_size_bytes: 1000000000}
`;
}

async function sent(server: ServerProcess, seed: number): Promise<Sent> {
  const random = seededRandom(seed);
  const waves = createWaves(random, {
    spansPerRequest: 300,
    requestsPerWave: 3,
    waves: 2,
    roomBytes: SENDER_ROOM_BYTES,
  });
  const source = new RequestSource(systemClock, random, waves);
  await using sender = await HttpSender.open(server.ports.otlpHttp);
  const acked: Sent = new Map();
  for (let wave = 0; wave < WAVES;) {
    const { template, finishedTraces, isWaveEnd } = source.next();
    const { isAcked, reason } = await sender.send(template);
    if (!isAcked) throw new Error(reason);
    if (!isWaveEnd) continue;
    wave++;
    for (const trace of finishedTraces()) acked.set(traceIdOf(trace), trace.spanCount);
  }
  return acked;
}

async function flushed(server: ServerProcess): Promise<void> {
  const answer = await fetch(`${server.url}/flush`, { method: "POST" });
  await answer.body?.cancel();
}

async function bothFind(all: Sent, ...servers: ServerProcess[]): Promise<void> {
  for (const server of servers) await missing(server, all, WITHIN_MS);
}

/** Throws if some trace is not found whole within the time, by search and by id, or found twice. */
async function missing(server: ServerProcess, all: Sent, withinMs: number): Promise<void> {
  const lacking = await eventually(() => lacks(server, all), (ids) => ids.length === 0, withinMs);
  if (lacking.length > 0) {
    throw new Error(`${lacking.length} of ${all.size} traces are not whole: ${lacking[0]}`);
  }
}

async function lacks(server: ServerProcess, all: Sent): Promise<string[]> {
  const nowSeconds = Math.ceil(Date.now() / 1000);
  const found = new Map(
    (await search(server.url, "{}", {
      limit: 100_000,
      spss: 1,
      start: nowSeconds - 3_600,
      end: nowSeconds + 60,
    })).map(({ traceId, matched }) => [traceId, matched]),
  );
  const lacking: string[] = [];
  let number = 0;
  for (const [id, spans] of all) {
    const isAsked = number++ % 20 === 0 || found.get(id) !== spans;
    const whole = isAsked ? (await findTrace(server.url, id)).length : spans;
    if (!found.has(id) || whole !== spans) lacking.push(`${id}: ${whole} of ${spans}`);
  }
  return lacking;
}

/** Asks again and again; nothing may be missing at any time. */
async function looksWhile(
  server: ServerProcess,
  all: Sent,
  isOn: () => boolean,
): Promise<number> {
  let looks = 0;
  while (isOn()) {
    const lacking = await lacks(server, all);
    if (lacking.length > 0) throw new Error(`missing while blocks are merged: ${lacking[0]}`);
    looks++;
  }
  return looks;
}
