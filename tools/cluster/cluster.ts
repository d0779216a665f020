// A whole cluster on this machine: a Kafka broker, an S3 server, and every target as a process of its own.
// Rules: each process is ended by its id, those first that others do not need; a member that ends by itself is
// started again, as an orchestrator would; a folder that was given is kept, any other removed.
//
//   distributors ─▶ live-stores, block-builders, generators ─▶ queriers, frontends, backend ─▶ Kafka, S3     (the order of ends)
import { type BucketServer, S3_KEYS, startVersitygw } from "../../tests/support/bucket_servers.ts";
import { Fleet, type Member, membersInZones, type MemberSpec } from "../../tests/support/fleet.ts";
import { type KafkaServers, startKafka } from "../../tests/support/kafka_server.ts";
import { clusterFolder } from "./folder.ts";
import { type ClusterPorts, clusterPorts } from "./ports.ts";

export interface ClusterOptions {
  readonly partitions: number;
  readonly zones: number;
  /** Undefined: one of its own. */
  readonly dir: string | undefined;
  /** 0: whichever are free. */
  readonly ports: number;
  /** Where metrics of traces go; undefined: nowhere, though they are made. */
  readonly remoteWrite: string | undefined;
  /** Hears of members that end by themselves, and are started again. */
  readonly ended: (member: Member) => void;
}

export const TOPIC = "spans";
export const BUCKET = "traces";
const ZONES = ["zone-a", "zone-b"];
/** Who takes spans in ends first, and what others read from last. */
const STOP_ORDER: readonly (readonly string[])[] = [
  ["distributor"],
  ["live-store", "block-builder", "metrics-generator"],
  ["query-frontend", "querier", "backend-worker", "backend-scheduler"],
];

export class Cluster implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    readonly dir: string,
    readonly kafka: KafkaServers,
    readonly s3: BucketServer,
    readonly fleet: Fleet,
    stack: AsyncDisposableStack,
  ) {
    this.#stack = stack;
  }

  /** Resolves when everything is launched, which is before it is ready. */
  static async launch(options: ClusterOptions): Promise<Cluster> {
    await using stack = new AsyncDisposableStack();
    const { partitions } = options;
    const dir = clusterFolder(options.dir, partitions, stack);
    const specs = clusterMembers(options);
    const endpoint = options.remoteWrite === undefined ? "" : `{url: "${options.remoteWrite}"}`;
    const ports = clusterPortsOf(options);
    const place = (name: string) => {
      Deno.mkdirSync(`${dir}/${name}`, { recursive: true });
      return { dir: `${dir}/${name}`, isDetached: true };
    };
    const [kafka, s3] = await Promise.all([
      startKafka({
        ...place("kafka"),
        ...ports === undefined ? {} : { ports: [ports.kafka, ports.controller] },
      }).then((kafka) => stack.use(kafka)),
      startVersitygw({
        ...place("s3"),
        ...ports === undefined ? {} : { port: ports.s3 },
      }).then((s3) => stack.use(s3)),
    ]);
    Deno.mkdirSync(`${s3.dir}/${BUCKET}`, { recursive: true });
    const fleet = stack.use(
      await Fleet.launch({
        dir,
        kafka: kafka.addresses.join(","),
        partitions,
        bucket:
          `{backend: s3, blocklist_poll: 10s, s3: {bucket: ${BUCKET}, endpoint: "${s3.address}", ` +
          `access_key: ${S3_KEYS.accessKeyId}, secret_key: ${S3_KEYS.secretAccessKey}, insecure: true}}`,
        members: specs,
        // A tenant's rate is of the cluster, which is also what shows the ring of distributors.
        config: `overrides:
  defaults:
    ingestion: {rate_strategy: global}
    metrics_generator: {processors: [span-metrics, service-graphs]}`,
        generator: `  storage: {path: ./generator, remote_write: [${endpoint}]}`,
        keepsLogs: true,
        ended: options.ended,
        isDetached: true,
        ...ports === undefined ? {} : { ports: ports.members },
      }),
    );
    return new Cluster(dir, kafka, s3, fleet, stack.move());
  }

  get pids(): number[] {
    const members = this.fleet.members.flatMap(({ process }) => process?.pid ?? []);
    return [this.kafka.pid(0), this.s3.pid, ...members];
  }

  /** In good order; what does not end in time is killed. */
  async stop(): Promise<void> {
    for (const targets of STOP_ORDER) {
      const members = targets.flatMap((target) => this.fleet.of(target));
      await Promise.all(members.map((member) => member.stop()));
    }
    await this[Symbol.asyncDispose]();
  }

  /** At once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export function clusterMembers(
  { partitions, zones }: Pick<ClusterOptions, "partitions" | "zones">,
): MemberSpec[] {
  return [
    ...membersInZones(partitions, ZONES.slice(0, zones)),
    { name: "metrics-generator-0", targets: "metrics-generator" },
  ];
}

/** Undefined: whichever are free. */
export function clusterPortsOf(
  options: Pick<ClusterOptions, "partitions" | "zones" | "ports">,
): ClusterPorts | undefined {
  if (options.ports === 0) return undefined;
  return clusterPorts(options.ports, clusterMembers(options).map(({ name }) => name));
}
