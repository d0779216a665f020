// Spans as a shop's services would send them: thirty services, a dozen spans a trace, about fifteen
// attributes each, some unique per span. Seeded, so that figures can be compared.
import { seededRandom } from "../../lib/random.ts";
import { encodeOtlp, type Plain } from "./otlp.ts";

const START_NANO = 1_767_268_800_000_000_000n;

/** About `spans` spans as TracesData messages of one trace each, as they stand in the log. */
export function realisticTraces(spans: number, seed = 1): Uint8Array[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random.next() * n);
  const pick = <T>(items: readonly T[]) => items[below(items.length)]!;
  const hex = (bytes: number) => random.fill(new Uint8Array(bytes)).toHex();
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const int = (key: string, value: number) => ({ key, value: { intValue: String(value) } });
  const services = Array.from({ length: 30 }, (_, i) => `service-${i}`);
  const resources = services.flatMap((name, i) =>
    Array.from({ length: 4 }, (_, pod) => ({
      attributes: [
        text("service.name", name),
        text("service.version", `1.${i}.${pod}`),
        text("k8s.cluster.name", "production-eu-1"),
        text("k8s.namespace.name", `team-${i % 5}`),
        text("k8s.pod.name", `${name}-7d9f8b6c5-${hex(3).slice(0, 5)}`),
        text("host.name", `node-${below(40)}`),
        text("telemetry.sdk.language", pick(["go", "java", "nodejs", "python"])),
      ],
    }))
  );
  const messages: Uint8Array[] = [];
  let made = 0;
  let now = START_NANO;
  while (made < spans) {
    const traceId = random.fill(new Uint8Array(16));
    now += BigInt(below(4_000_000));
    const count = 6 + below(25);
    const ids = Array.from({ length: count }, () => random.fill(new Uint8Array(8)));
    const groups = new Map<number, Plain[]>();
    for (let i = 0; i < count; i++) {
      const resource = i === 0 ? below(8) : below(resources.length);
      const start = now + BigInt(i * 1_500_000 + below(900_000));
      const duration = BigInt(below(50_000_000) + 20_000);
      const isError = random.next() < 0.02;
      const route = `/api/v1/${pick(["orders", "carts", "users", "items"])}/{id}`;
      const kind = i === 0 ? 2 : 1 + below(5);
      const status = isError ? 500 : pick([200, 200, 200, 201, 204, 404]);
      const span: Plain = {
        traceId,
        spanId: ids[i],
        parentSpanId: i === 0 ? new Uint8Array(0) : ids[below(i)],
        name: `${pick(["GET", "POST"])} ${route}`,
        kind,
        startTimeUnixNano: String(start),
        endTimeUnixNano: String(start + duration),
        attributes: [
          text("http.method", pick(["GET", "POST", "PUT"])),
          text("http.url", `https://shop.example.com/api/v1/orders/${below(1_000_000)}`),
          text("http.route", route),
          int("http.status_code", status),
          text("net.peer.name", pick(services)),
          int("net.peer.port", 8080),
          text("user.id", `user-${below(50_000)}`),
          text("request.id", hex(8)),
          text("db.system", pick(["postgresql", "redis", "mysql"])),
          text("db.statement", `select * from t${below(40)} where id = $1 and c${below(20)} > $2`),
          int("thread.id", below(64)),
          text("thread.name", `worker-${below(64)}`),
          { key: "retry", value: { boolValue: random.next() < 0.1 } },
          { key: "queue.wait", value: { doubleValue: below(1000) / 8 } },
          int("http.response_content_length", below(100_000)),
        ],
        events: random.next() < 0.1
          ? [{
            timeUnixNano: String(start + 1000n),
            name: isError ? "exception" : "message",
            attributes: isError
              ? [text("exception.type", "TimeoutError"), text("exception.message", "timed out")]
              : [int("message.id", i)],
          }]
          : [],
        links: random.next() < 0.02 ? [{ traceId, spanId: ids[below(count)] }] : [],
        status: isError ? { code: 2, message: "upstream timed out" } : { code: 0 },
      };
      const group = groups.get(resource);
      if (group === undefined) groups.set(resource, [span]);
      else group.push(span);
    }
    made += count;
    messages.push(encodeOtlp({
      resourceSpans: [...groups].map(([resource, list]) => ({
        resource: resources[resource],
        scopeSpans: [{ scope: { name: "io.shop.http", version: "1.4.0" }, spans: list }],
      })),
    }));
  }
  return messages;
}
