// deno-lint-ignore-file
// What a receiver costs, with the whole push path behind it and a log that only copies.
//   deno run -A bench/otlp_receivers.ts <grpc|http|grpcs|https> [spans a request] [seconds] [in flight]
// The load comes from a second process over loopback; CPU is that of this process.
import http2 from "node:http2";
import { defaultLimits } from "../model/limits.ts";
import { createRuntime } from "../lib/runtime.ts";
import { createDistributor, serveOtlpGrpc, serveOtlpHttp } from "../distributor/mod.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../ring/mod.ts";
import { certificatesOf } from "../tests/support/certificate_sources.ts";
import { Authority } from "../tests/support/certificates.ts";
import { request } from "./regroup_bench.ts";

const [kind, spans = "30", seconds = "5", inFlight = "32"] = Deno.args;
if (kind === "load") {
  await load(Deno.args[1]!, Deno.args[2]!, Deno.args[3]!, Deno.args[4]!, Deno.args[5]!);
} else await measure();

async function measure() {
  const runtime = createRuntime();
  let offset = 0;
  const buffer = new Uint8Array(32 << 20);
  const log = {
    append(records: any[]) {
      for (const record of records) record.write(buffer, 0);
      return Promise.resolve(records.map(() => offset++));
    },
  };
  const ring = embeddedRing(4, new SpreadTokens());
  const unlimited = {
    ...defaultLimits,
    ingestion: { ...defaultLimits.ingestion, rateLimitBytes: 0 },
  };
  const distributor = createDistributor(runtime, {
    log,
    partitions: new RingRouter(() => ring),
    limits: () => unlimited,
  });
  const serve = kind!.startsWith("http") ? serveOtlpHttp : serveOtlpGrpc;
  const authority = new Authority();
  const tls = kind!.endsWith("s")
    ? {
      certificates: certificatesOf(authority.sign({ name: "bench" })),
      clientAuth: "NoClientCert" as const,
      isOnly13: false,
    }
    : undefined;
  const listener = await serve(runtime, distributor, {
    hostname: "127.0.0.1",
    port: 0,
    bodyBytesMax: 16 << 20,
    multitenancyEnabled: false,
    closeTimeoutMs: 1000,
    tls,
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      import.meta.filename!,
      "load",
      kind!,
      String(listener.port),
      spans,
      seconds,
      inFlight,
    ],
    stdout: "piped",
    stderr: "inherit",
    env: { CA: authority.cert },
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let cpu = 0;
  let text = "";
  for await (const chunk of lines) {
    text += chunk;
    if (chunk.includes("warm")) cpu = cpuMicros();
    if (chunk.includes("done")) cpu = cpuMicros() - cpu;
  }
  const { requests, ms, p50, p99 } = JSON.parse(text.slice(text.indexOf("done") + 4));
  await child.status;
  await listener[Symbol.asyncDispose]();
  tls?.certificates[Symbol.dispose]();
  console.log(
    `${kind} ${spans} spans: ${(requests / ms * 1000).toFixed(0)} requests/s, ` +
      `${(requests * +spans / ms).toFixed(1)}k spans/s, ${
        (cpu / requests).toFixed(0)
      } µs CPU a request, ` +
      `${(cpu / requests / +spans).toFixed(2)} µs a span, p50 ${p50} ms, p99 ${p99} ms, rss ${
        (Deno.memoryUsage().rss / 1e6).toFixed(0)
      } MB`,
  );
}

function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function load(kind: string, port: string, spans: string, seconds: string, inFlight: string) {
  const body = request(+spans);
  const framed = new Uint8Array(5 + body.length);
  new DataView(framed.buffer).setUint32(1, body.length);
  framed.set(body, 5);
  const ca = Deno.env.get("CA")!;
  const base = `${kind.endsWith("s") ? "https" : "http"}://127.0.0.1:${port}`;
  const session = kind.startsWith("http") ? undefined : http2.connect(base, { ca });
  const client = Deno.createHttpClient({ caCerts: [ca], http2: false });
  const send = kind.startsWith("http")
    ? async () => {
      const response = await fetch(`${base}/v1/traces`, {
        method: "POST",
        client,
        body: body as any,
        headers: { "content-type": "application/x-protobuf" },
      });
      await response.bytes();
      if (response.status !== 200) throw new Error(String(response.status));
    }
    : () =>
      new Promise<void>((resolve, reject) => {
        const stream = session!.request({
          ":method": "POST",
          ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
          "content-type": "application/grpc",
          "te": "trailers",
          "user-agent": "bench",
        });
        let status: unknown;
        stream.on("trailers", (trailers: any) => status = trailers["grpc-status"]);
        stream.on("data", () => {});
        stream.on("error", reject);
        stream.on("close", () =>
          status === "0" || status === 0 ? resolve() : reject(new Error(`status ${status}`)));
        stream.end(framed);
      });
  let requests = 0;
  const latencies: number[] = [];
  const run = async (ms: number) => {
    const end = performance.now() + ms;
    requests = 0;
    latencies.length = 0;
    await Promise.all(Array.from({ length: +inFlight }, async () => {
      while (performance.now() < end) {
        const start = performance.now();
        await send();
        latencies.push(performance.now() - start);
        requests++;
      }
    }));
  };
  await run(2000);
  console.log("warm");
  const start = performance.now();
  await run(+seconds * 1000);
  const ms = performance.now() - start;
  latencies.sort((a, b) => a - b);
  const at = (q: number) => +latencies[Math.floor(latencies.length * q)]!.toFixed(1);
  console.log("done" + JSON.stringify({ requests, ms, p50: at(0.5), p99: at(0.99) }));
  session?.close();
}
