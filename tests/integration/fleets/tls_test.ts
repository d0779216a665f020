// deno-lint-ignore-file house/no-ambient-world
// Mutual TLS everywhere: a fleet of every target, each a process of its own, on a real Kafka, and one process alone.
// Spans come in over TLS and are found over TLS; who has no certificate, or another authority's, is told so.
import assert from "node:assert/strict";
import { systemClock } from "../../../lib/clock.ts";
import { UnavailableError } from "../../../lib/errors.ts";
import { GrpcClient } from "../../../lib/grpc_client.ts";
import { EXPORT_PATH } from "../../../distributor/receivers/otlp_grpc.ts";
import { certificatesOf, type CertificateTexts } from "../../support/certificate_sources.ts";
import { Authority } from "../../support/certificates.ts";
import { Fleet, type Member, memberConfig, TLS_NAME } from "../../support/fleet.ts";
import { countedByMetrics } from "../../support/fleet_checks.ts";
import { startKafka } from "../../support/kafka_server.ts";
import { encodeOtlp } from "../../support/otlp.ts";
import { eventually, findTrace, metric, search } from "../../support/query_client.ts";
import { freePorts, ServerProcess } from "../../support/server_process.ts";
import { skipped } from "../../support/skipped.ts";

const NEVER = new AbortController().signal;
const isLoose = { sanitizeOps: false, sanitizeResources: false };
const SERVICE = "tls-test";

const authority = new Authority();
const stranger = new Authority("another").sign({ name: "stranger" });
const own = { ...authority.sign({ name: "client" }), ca: authority.cert };

/** Asks as `texts` have it. */
function clientOf({ ca = authority.cert, cert, key }: CertificateTexts, http2 = true) {
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  return Deno.createHttpClient({ http2, http1: !http2, caCerts: [ca], ...pair });
}

function writeCertificates(dir: string, by = authority): void {
  const { cert, key } = by.sign({ name: "segno", hosts: ["127.0.0.1", TLS_NAME] });
  Deno.mkdirSync(dir, { recursive: true });
  Deno.writeTextFileSync(`${dir}/tls.crt`, cert);
  Deno.writeTextFileSync(`${dir}/tls.key`, key);
  Deno.writeTextFileSync(`${dir}/ca.crt`, authority.cert);
  Deno.writeTextFileSync(`${dir}/other.crt`, new Authority("another").cert);
}

const idOf = (trace: number) => trace.toString(16).padStart(32, "d");

/** One trace of one span. */
function spansOf(trace: number): Uint8Array {
  const startNanos = BigInt(Date.now() - 1_000) * 1_000_000n;
  return encodeOtlp({
    resourceSpans: [{
      resource: { attributes: [{ key: "service.name", value: { stringValue: SERVICE } }] },
      scopeSpans: [{
        spans: [{
          traceId: Uint8Array.fromHex(idOf(trace)),
          spanId: Uint8Array.fromHex(trace.toString(16).padStart(16, "1")),
          name: `step ${trace} ${"of many ".repeat(100)}`,
          kind: 2,
          startTimeUnixNano: startNanos,
          endTimeUnixNano: startNanos + 1_000_000n,
        }],
      }],
    }],
  });
}

async function pushOverHttp(
  url: string,
  client: Deno.HttpClient,
  trace: number,
): Promise<void> {
  const response = await fetch(url, {
    client,
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf" },
    body: spansOf(trace) as Uint8Array<ArrayBuffer>,
  });
  assert.equal(response.status, 200, await response.text());
}

async function callGrpc(
  port: number,
  path: string,
  message: Uint8Array,
  texts: CertificateTexts,
): Promise<Uint8Array> {
  using certificates = certificatesOf(texts);
  using client = new GrpcClient(systemClock, {
    address: `127.0.0.1:${port}`,
    timeoutMs: 20_000,
    receivedBytesMax: 8 << 20,
    encoding: "snappy",
    tls: { certificates, serverName: "" },
  });
  return await client.call(path, message, {}, NEVER);
}

const kafka = await startKafka().catch(skipped("a fleet that speaks TLS"));

if (kafka !== undefined) {
  Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());
  Deno.test("a fleet with mutual TLS takes spans and finds them", isLoose, async (t) => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-tls-" });
    writeCertificates(`${dir}/tls`);
    using client = clientOf(own);
    try {
      await using fleet = await Fleet.start({
        dir,
        kafka: kafka.addresses.join(),
        partitions: 1,
        bucket: `{backend: local, blocklist_poll: 1s, local: {path: ${dir}/blocks}}`,
        members: [
          { name: "distributor-0", targets: "distributor", zone: "a" },
          { name: "live-store-a-0", targets: "live-store", zone: "a" },
          { name: "block-builder-0", targets: "block-builder", zone: "a" },
          { name: "query-frontend-0", targets: "query-frontend", zone: "a" },
          { name: "querier-0", targets: "querier", zone: "a" },
          { name: "backend-scheduler-0", targets: "backend-scheduler" },
          { name: "backend-worker-0", targets: "backend-worker" },
        ],
        config:
          "backend_scheduler: {provider: {compaction: {measure_interval: 1s, min_cycle_interval: 1s}}}",
        tls: { dir: `${dir}/tls`, client },
      });
      const [distributor] = fleet.of("distributor");
      const [frontend] = fleet.of("query-frontend");
      await t.step("spans over HTTP and gRPC are found by id, search and metrics", async () => {
        const sinceMs = Date.now();
        for (let trace = 0; trace < 10; trace++) {
          await pushOverHttp(distributor!.otlpUrl, client, trace);
          await callGrpc(distributor!.ports.otlpGrpc, EXPORT_PATH, spansOf(trace + 10), own);
        }
        const ids = Array.from({ length: 20 }, (_, trace) => idOf(trace)).sort();
        const all = () => search(frontend!.url, "{}", { limit: 100 }, { client });
        const found = await eventually(all, ({ length }) => length === 20, 20_000);
        assert.deepEqual(found.map(({ traceId }) => traceId).sort(), ids);
        for (const id of ids) {
          assert.equal((await findTrace(frontend!.url, id, { client })).length, 1, id);
        }
        const count = () => countedByMetrics(frontend!.url, sinceMs, Date.now(), { client });
        assert.equal(await eventually(count, (spans) => spans === 20), 20);
      });
      await t.step(
        "blocks are built and searched by the querier, and the worker asks the scheduler",
        async () => {
          const [builder] = fleet.of("block-builder");
          const blocks = () => metric(frontend!.url, "tempodb_blocklist_length", { client });
          for (let round = 1; round <= 2; round++) {
            await fetch(`${builder!.url}/flush`, { method: "POST", client });
            const grown = await eventually(blocks, (count) => count >= 1, 40_000);
            assert.ok(grown >= 1, `blocks: ${grown}`);
            await pushOverHttp(distributor!.otlpUrl, client, 20 + round);
          }
          const [querier] = fleet.of("querier");
          const old = { limit: 100, start: Math.floor(Date.now() / 1000) - 3_600 };
          const end = Math.floor(Date.now() / 1000) + 60;
          const all = () => search(frontend!.url, "{}", { ...old, end }, { client });
          assert.equal((await eventually(all, ({ length }) => length === 22, 20_000)).length, 22);
          assert.ok(await querier!.isReady());
          const [worker] = fleet.of("backend-worker");
          assert.doesNotMatch(
            worker!.process!.lines.join("\n"),
            /level=(warn|error|fatal) (?!msg=configuration)/,
          );
          const [scheduler] = fleet.of("backend-scheduler");
          const asked = () =>
            fetch(`${scheduler!.url}/metrics`, { client }).then((response) => response.text());
          const isAsked = (text: string) =>
            /tempo_request_duration_seconds_count\{[^}]*\/(Next|UpdateJob)"/.test(text);
          assert.ok(isAsked(await eventually(asked, isAsked, 30_000)), "the worker asks");
        },
      );
      await t.step(
        "who has no certificate, or another authority's, is let in nowhere",
        async () => {
          for (const texts of [{}, stranger]) {
            for (const { url, otlpUrl } of [distributor!, frontend!]) {
              for (const http2 of [true, false]) {
                using client = clientOf(texts, http2);
                await assert.rejects(fetch(`${url}/ready`, { client }));
                if (url === distributor!.url) await assert.rejects(fetch(otlpUrl, { client }));
              }
            }
            for (const port of [distributor!.ports.otlpGrpc, frontend!.ports.grpc]) {
              const told = { ...texts, ca: authority.cert };
              await assert.rejects(
                callGrpc(port, EXPORT_PATH, spansOf(99), told),
                UnavailableError,
              );
            }
          }
          await assert.rejects(fetch(`http://127.0.0.1:${frontend!.ports.http}/ready`));
          const failed = "segno_tls_failed_handshakes_total";
          assert.ok(await metric(frontend!.url, failed, { client }) > 0);
        },
      );
      await t.step("a querier that believes another authority says so in a line", async () => {
        const line = await wordsOfDoubt(fleet, fleet.of("querier")[0]!, dir);
        assert.match(line, /frontend lost/);
        assert.match(line, /invalid peer certificate: UnknownIssuer/);
      });
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}

/** What a second querier logs, whose `tls_ca_path` names somebody else. */
async function wordsOfDoubt(fleet: Fleet, like: Member, dir: string): Promise<string> {
  const ports = freePorts();
  const yaml = memberConfig(fleet, like)
    .replace(/(frontend_worker:.*)ca\.crt/, "$1other.crt")
    .replace(`http_listen_port: ${like.ports.http}`, `http_listen_port: ${ports.http}`)
    .replace(`grpc_listen_port: ${like.ports.grpc}`, `grpc_listen_port: ${ports.grpc}`)
    .replace(`bind_port: ${like.ports.gossip}`, "bind_port: 0");
  await using doubting = await ServerProcess.start({
    dir: `${dir}/doubting`,
    yaml,
    ports,
    readyWithinMs: 0,
    runFlags: ["--node-modules-dir=manual", "--no-check"],
  });
  const told = () =>
    Promise.resolve(doubting.lines.find((line) => line.includes("invalid peer certificate")) ?? "");
  const line = await eventually(told, (line) => line !== "", 60_000);
  assert.notEqual(line, "", doubting.lines.join("\n"));
  return line;
}

Deno.test(
  "one process with TLS on every port, its certificates renewed while it runs",
  isLoose,
  async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-tls-" });
    writeCertificates(`${dir}/tls`);
    const ports = freePorts();
    const at = (port: number) => `127.0.0.1:${port}`;
    const pair = `cert_file: ${dir}/tls/tls.crt, key_file: ${dir}/tls/tls.key`;
    const mutual = `${pair}, client_ca_file: ${dir}/tls/ca.crt`;
    const server = `{${mutual}, client_auth_type: RequireAndVerifyClientCert}`;
    using client = clientOf(own);
    try {
      await using process = await ServerProcess.start({
        dir,
        ports,
        client,
        readyWithinMs: 60_000,
        yaml: `
server:
  http_listen_address: 127.0.0.1
  http_listen_port: ${ports.http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: ${ports.grpc}
  http_tls_config: ${server}
  grpc_tls_config: ${server}
stream_over_http_enabled: true
distributor:
  receivers:
    otlp:
      protocols:
        grpc: {endpoint: "${at(ports.otlpGrpc)}", tls: {${mutual}}}
        http: {endpoint: "${at(ports.otlpHttp)}", tls: {${pair}}}
segno: {data_path: ./data}
`,
      });
      using anybody = clientOf({});
      await pushOverHttp(process.otlpUrl, anybody, 1); // this port asks for no certificate
      await callGrpc(ports.otlpGrpc, EXPORT_PATH, spansOf(2), own);
      await assert.rejects(callGrpc(ports.otlpGrpc, EXPORT_PATH, spansOf(3), { ca: own.ca }));
      const all = () => search(process.url, "{}", {}, { client });
      assert.equal((await eventually(all, ({ length }) => length === 2)).length, 2);
      const health = "/grpc.health.v1.Health/Check";
      for (const port of [ports.grpc, ports.http]) {
        assert.deepEqual([...await callGrpc(port, health, new Uint8Array(0), own)], [8, 1]);
      }
      await assert.rejects(fetch(`${process.url}/ready`, { client: anybody }));

      const renewed = new Authority("renewed");
      writeCertificates(`${dir}/tls`, renewed);
      using trusting = clientOf({ ...own, ca: renewed.cert });
      const isRenewed = () =>
        fetch(`${process.url}/ready`, { client: trusting }).then(
          (response) => response.body!.cancel().then(() => true),
          () => false,
        );
      assert.ok(await eventually(isRenewed, (yes) => yes, 20_000), "taken from the disk");
      assert.equal((await all()).length, 2, "the connection that was open goes on");
      assert.equal(await process.stop(), 0);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
);
