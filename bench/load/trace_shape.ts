// One trace as a plan: its spans as a tree, each with attributes, events and links.
// 10 to 50 spans, about 15 attributes on a span, one trace in five goes wrong somewhere.
import type { Random } from "../../lib/random.ts";
import { int, type Operation, pick, type Service } from "./catalogue.ts";
import { attribute, PatchKind, Piece, type Value } from "./piece.ts";

export interface SpanShape {
  readonly service: Service;
  readonly pod: string;
  /** -1: the root. */
  readonly parent: number;
  /** From the trace's start, and how long; nanoseconds. */
  readonly startNanos: number;
  readonly durationNanos: number;
  /** Everything of the span's message but ids and times. */
  readonly body: Piece;
}

const FAILING_TRACES = 0.2;

export function traceShape(
  random: Random,
  services: readonly Service[],
  size: number,
): SpanShape[] {
  const parents = parentsOf(random, size);
  const failed = failedSpans(random, parents);
  const spans: SpanShape[] = [];
  for (const [index, parent] of parents.entries()) {
    const above = spans[parent];
    const isSame = above !== undefined && random.next() < 0.55;
    const service = isSame ? above.service : pick(random, services);
    const operation = operationOf(random, service, above === undefined);
    const durationNanos = above === undefined
      ? 20e6 + random.next() ** 3 * 2e9
      : above.durationNanos * (0.05 + 0.9 * random.next());
    const roomNanos = (above?.durationNanos ?? durationNanos) - durationNanos;
    const role = {
      isRoot: parent < 0,
      isClient: isSame,
      isFailed: failed.includes(index),
      isCulprit: failed[0] === index,
    };
    spans.push({
      service,
      pod: isSame ? above.pod : pick(random, service.pods),
      parent,
      startNanos: (above?.startNanos ?? 0) + roomNanos * random.next(),
      durationNanos,
      body: spanBody(random, operation, role),
    });
  }
  return spans;
}

function parentsOf(random: Random, size: number): number[] {
  const parents: number[] = [];
  const depth: number[] = [];
  for (let index = 0; index < size; index++) {
    const parent = index === 0 ? -1 : parentOf(random, index, depth);
    parents.push(parent);
    depth.push(parent < 0 ? 0 : depth[parent]! + 1);
  }
  return parents;
}

/** The span that went wrong, then those above it that waited for it; mostly none. */
function failedSpans(random: Random, parents: readonly number[]): number[] {
  if (random.next() >= FAILING_TRACES) return [];
  const failed: number[] = [];
  for (let i = int(random, parents.length); i >= 0; i = parents[i]!) failed.push(i);
  return failed;
}

function parentOf(random: Random, index: number, depth: readonly number[]): number {
  // Recent spans have more children, which gives chains as well as fans.
  const parent = index - 1 - Math.floor(random.next() ** 2 * Math.min(index, 8));
  return depth[parent]! < 9 ? parent : 0;
}

function operationOf(random: Random, service: Service, isRoot: boolean): Operation {
  const choices = isRoot ? service.operations.slice(0, 4) : service.operations;
  return pick(random, choices);
}

interface Role {
  readonly isRoot: boolean;
  readonly isClient: boolean;
  readonly isFailed: boolean;
  /** Where it began. */
  readonly isCulprit: boolean;
}

function spanBody(random: Random, operation: Operation, role: Role): Piece {
  const { isClient, isFailed, isCulprit } = role;
  const body = new Piece().text(5, operation.name).varint(6, kindOf(operation, isClient));
  for (const [key, value] of attributesOf(random, operation, role)) {
    body.embed(9, attribute(key, value));
  }
  if (isCulprit) body.embed(11, exception(random));
  if (random.next() < 0.08) body.embed(11, retryEvent(random));
  if (operation.work === "queue") {
    body.embed(
      13,
      new Piece().patched(1, PatchKind.LinkTraceId, 16).patched(2, PatchKind.LinkSpanId, 8)
        .embed(4, attribute("messaging.operation", "process")),
    );
  }
  if (isFailed) body.embed(15, new Piece().text(2, "upstream request failed").varint(3, 2));
  else if (random.next() < 0.1) body.embed(15, new Piece().varint(3, 1));
  return body;
}

function kindOf({ work }: Operation, isClient: boolean): number {
  if (work === "internal") return 1;
  if (work === "queue") return isClient ? 4 : 5;
  return isClient || work === "db" || work === "cache" ? 3 : 2;
}

type Attributes = [string, Value][];

function attributesOf(random: Random, operation: Operation, role: Role): Attributes {
  const all: Attributes = [
    ["thread.id", 1 + int(random, 64)],
    ["thread.name", `worker-${int(random, 16)}`],
    ["app.region", pick(random, ["eu-west-1", "eu-central-1", "us-east-1", "ap-south-1"])],
    ["app.canary", random.next() < 0.05],
    ["app.build", `build-${1000 + int(random, 40)}`],
    ["feature.flags", pick(random, ["", "new-checkout", "new-checkout,fast-search", "dark-mode"])],
  ];
  if (random.next() < 0.25) all.push(["enduser.id", { pattern: "user-%" }]);
  // The root has it always, so that every trace can be asked for by it.
  if (role.isRoot || random.next() < 0.3) all.push(["request.id", { pattern: "@" }]);
  return [...all, ...workAttributes(random, operation, role)];
}

function workAttributes(
  random: Random,
  { work, name, path, method }: Operation,
  { isClient, isFailed }: Role,
): Attributes {
  const peer = pick(random, ["10.1.2.", "10.4.0.", "10.9.16."]) + (1 + int(random, 250));
  switch (work) {
    case "http": {
      const host = pick(random, ["shop.example.com", "api.example.com", "internal.example.com"]);
      const status = isFailed
        ? pick(random, [500, 502, 503])
        : pick(random, [200, 200, 200, 201, 304, 404]);
      return [
        ["http.method", method],
        ["http.status_code", status],
        ["http.url", { pattern: `https://${host}${path}?page=##` }],
        ["http.route", path.replaceAll(/#+/g, "{id}")],
        ["http.flavor", pick(random, ["1.1", "2.0"])],
        ["http.user_agent", pick(random, USER_AGENTS)],
        ["http.response_content_length", 200 + int(random, 60_000)],
        ["net.peer.ip", peer],
        ["net.peer.port", 32_768 + int(random, 28_000)],
        ["server.address", host],
        ["server.port", isClient ? 8080 : 443],
      ];
    }
    case "rpc":
      return [
        ["rpc.system", "grpc"],
        ["rpc.service", name.split("/")[0]!],
        ["rpc.method", name.split("/")[1]!],
        ["rpc.grpc.status_code", isFailed ? 14 : 0],
        ["net.peer.name", `svc-${int(random, 30)}.shop.svc.cluster.local`],
        ["net.peer.ip", peer],
        ["net.peer.port", 50_051],
        ["message.uncompressed_size", 20 + int(random, 9_000)],
      ];
    case "db":
      return [
        ["db.system", "postgresql"],
        ["db.name", "shop"],
        ["db.user", "app"],
        ["db.operation", method],
        ["db.statement", statement(method, name.split(".")[1]!)],
        ["db.rows_affected", int(random, 50)],
        ["net.peer.name", `pg-${int(random, 4)}.db.internal`],
        ["net.peer.port", 5432],
        ["db.connection_string", "postgresql://pg.db.internal:5432/shop"],
      ];
    case "cache":
      return [
        ["db.system", "redis"],
        ["db.operation", method],
        ["db.statement", { pattern: `${method} session:########` }],
        ["db.redis.database_index", int(random, 4)],
        ["net.peer.name", `redis-${int(random, 3)}.cache.internal`],
        ["net.peer.port", 6379],
        ["cache.hit", random.next() < 0.8],
      ];
    case "queue":
      return [
        ["messaging.system", "kafka"],
        ["messaging.destination.name", name.split(" ")[0]!],
        ["messaging.kafka.partition", int(random, 48)],
        ["messaging.kafka.message.offset", { pattern: "########" }],
        ["messaging.message.payload_size_bytes", 100 + int(random, 4_000)],
        ["messaging.client_id", `producer-${int(random, 12)}`],
      ];
    case "internal":
      return [
        ["code.function", name],
        ["code.namespace", "com.example.shop.internal"],
        ["code.lineno", 10 + int(random, 900)],
        ["items.count", int(random, 40)],
        ["work.id", { pattern: "job-######" }],
      ];
  }
}

const USER_AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
  "shop-mobile/4.12.1 (Android 14)",
  "okhttp/4.12.0",
  "Go-http-client/2.0",
];

function statement(method: string, table: string): string {
  switch (method) {
    case "SELECT":
      return `SELECT id, created_at, state, total FROM ${table} WHERE id = $1 AND tenant = $2 LIMIT 50`;
    case "INSERT":
      return `INSERT INTO ${table} (id, created_at, state, total) VALUES ($1, now(), $2, $3)`;
    default:
      return `UPDATE ${table} SET state = $1, updated_at = now() WHERE id = $2`;
  }
}

function exception(random: Random): Piece {
  const type = pick(random, ["TimeoutException", "ConnectionReset", "IllegalStateException"]);
  return new Piece().patchedTime(1, PatchKind.Moment, 0.9).text(2, "exception")
    .embed(3, attribute("exception.type", `com.example.${type}`))
    .embed(3, attribute("exception.message", { pattern: `${type} after ### ms` }))
    .embed(
      3,
      attribute(
        "exception.stacktrace",
        Array.from(
          { length: 12 },
          (_, i) => `  at com.example.shop.Layer${i}.call(Layer${i}.java:${40 + i * 7})`,
        )
          .join("\n"),
      ),
    );
}

function retryEvent(random: Random): Piece {
  return new Piece().patchedTime(1, PatchKind.Moment, random.next()).text(2, "retry")
    .embed(3, attribute("retry.attempt", 1 + int(random, 4)));
}
