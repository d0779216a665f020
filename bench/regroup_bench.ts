// deno-lint-ignore-file
// Regrouping alone, spans per CPU second: deno run -A bench/regroup_bench.ts [seconds]
import { encodeOtlp } from "../tests/support/otlp.ts";
import { seededRandom } from "../lib/random.ts";
import * as regroup from "../distributor/regroup.ts";

const seconds = Number(Deno.args[0] ?? 2);

/** A request as an agent sends it: a few services, traces of ten spans spread over them. */
export function request(spans: number, random = seededRandom(1)): Uint8Array {
  const bytes = (size: number) => random.fill(new Uint8Array(size));
  const ids = Array.from({ length: Math.ceil(spans / 10) }, () => bytes(16));
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const services = Array.from({ length: 3 }, (_, service) => ({
    resource: {
      attributes: [
        text("service.name", `service-${service}`),
        text("k8s.pod.name", `service-${service}-7d4b9c-x2x9z`),
        text("host.name", "node-17.example.org"),
        text("telemetry.sdk.language", "go"),
      ],
    },
    scopeSpans: [{
      scope: { name: "go.opentelemetry.io/contrib/instrumentation/net/http", version: "0.53.0" },
      spans: [] as unknown[],
    }],
  }));
  for (let i = 0; i < spans; i++) {
    const start = 1767268800_000000000n + BigInt(i) * 1000n;
    services[i % 3]!.scopeSpans[0]!.spans.push({
      traceId: ids[Math.floor(i / 10)],
      spanId: bytes(8),
      parentSpanId: i % 10 === 0 ? new Uint8Array(0) : bytes(8),
      name: `GET /api/users/${i % 7}`,
      kind: 2 + i % 2,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + 123456n),
      attributes: [
        text("http.request.method", "GET"),
        text("url.full", `https://example.org/api/users/${i}`),
        { key: "http.response.status_code", value: { intValue: "200" } },
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
        { key: "net.peer.port", value: { intValue: String(1024 + i) } },
      ],
      status: { code: i % 50 === 0 ? 2 : 0 },
    });
  }
  return encodeOtlp({ resourceSpans: services });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

if (import.meta.main) {
  const index = new regroup.RequestIndex();
  const run = (bytes: Uint8Array) => {
    index.read(bytes, 2048);
    return index.traces();
  };
  for (const spans of [30, 100, 300, 3000]) {
    const bytes = request(spans);
    for (let i = 0; i < 300; i++) run(bytes);
    const start = performance.now();
    const cpu = cpuSeconds();
    let done = 0;
    while (performance.now() - start < seconds * 1000) {
      for (let i = 0; i < 20; i++) run(bytes);
      done += 20;
    }
    const used = cpuSeconds() - cpu;
    console.log(
      `${spans} spans, ${bytes.length} B: ${
        (done * spans / used / 1e6).toFixed(2)
      }M spans/CPU-s, ` +
        `${(used / done * 1e6).toFixed(1)} µs a request`,
    );
  }
}
