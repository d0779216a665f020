// deno-lint-ignore-file house/no-ambient-world
// A fleet on this machine: each target a process of its own, as deploy/ has them in containers, with ports on
// loopback, on a topic of Kafka and a bucket that somebody else has started.
// Rule: whoever starts it disposes of it, and then every process of it is gone; a member that is killed starts
// again with its ports and its folder, as an orchestrator would have it.
import { type ServerPorts, ServerProcess } from "./server_process.ts";

export interface FleetOptions {
  readonly dir: string;
  /** `host:port`, several with commas. */
  readonly kafka: string;
  readonly partitions: number;
  /** YAML of `storage.trace`, in one line. */
  readonly bucket: string;
  /** Of the targets; the default has two of what may be two. */
  readonly members?: readonly MemberSpec[];
  /** 200ms if left out; the program's own is a second. */
  readonly gossipInterval?: string;
  /** YAML that each member's configuration ends with. */
  readonly config?: string;
  /** YAML below `metrics_generator:`, indented by two spaces. */
  readonly generator?: string;
  /** YAML below `segno:`, indented by two spaces. */
  readonly segno?: string;
  /** Everything speaks it and shows certificates. */
  readonly tls?: FleetTls;
  /** Five for each member; free ones unless told. */
  readonly ports?: readonly MemberPorts[];
  /** Each member writes all it says to `segno.log` in its folder. */
  readonly keepsLogs?: boolean;
  /** In process groups of their own: Ctrl-C in a terminal is for whoever started them. */
  readonly isDetached?: boolean;
  /** Hears of members that end by themselves, before they are started again. */
  readonly ended?: (member: Member) => void;
}

/** What members' certificates name, beside 127.0.0.1 for the gossip. */
export const TLS_NAME = "segno.internal";

/** With it live-stores are asked in snappy, and frontends and schedulers in gzip. */
export interface FleetTls {
  /** `tls.crt` and `tls.key`, and `ca.crt`, whose they are. */
  readonly dir: string;
  /** Asks members. */
  readonly client: Deno.HttpClient;
}

export interface MemberSpec {
  /** Also its instance's id, unless that is told. */
  readonly name: string;
  readonly targets: string;
  readonly zone?: string;
}

export interface MemberPorts extends ServerPorts {
  readonly gossip: number;
}

const RESTART_PAUSE_MS = 1_000;

/** Two zones of everything that spans and queries pass through. */
export function twoZones(partitions: number): MemberSpec[] {
  return membersInZones(partitions, ["zone-a", "zone-b"]);
}

export function membersInZones(partitions: number, zones: readonly string[]): MemberSpec[] {
  const ordinals = Array.from({ length: partitions }, (_, i) => i);
  return [
    ...zones.map((zone) => ({ name: `distributor-${zone}`, targets: "distributor", zone })),
    ...zones.flatMap((zone) =>
      ordinals.map((i) => ({ name: `live-store-${zone}-${i}`, targets: "live-store", zone }))
    ),
    { name: "block-builder-0", targets: "block-builder", zone: zones[0]! },
    ...zones.map((zone) => ({ name: `query-frontend-${zone}`, targets: "query-frontend", zone })),
    ...zones.map((zone) => ({ name: `querier-${zone}`, targets: "querier", zone })),
    { name: "backend-scheduler-0", targets: "backend-scheduler" },
    { name: "backend-worker-0", targets: "backend-worker" },
  ];
}

export class Fleet implements AsyncDisposable {
  readonly members: readonly Member[];

  private constructor(readonly options: FleetOptions) {
    const specs = options.members ?? twoZones(options.partitions);
    const ports = options.ports ?? freePorts(specs.length);
    this.members = specs.map((spec, i) => new Member(this, spec, ports[i]!));
  }

  /** Resolves when all are ready. */
  static async start(options: FleetOptions, readyWithinMs = 240_000): Promise<Fleet> {
    const fleet = await Fleet.launch(options);
    try {
      await fleet.untilReady(readyWithinMs);
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Does not wait until they are ready. */
  static async launch(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    try {
      for (const member of fleet.members) await member.start();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  of(target: string): Member[] {
    return this.members.filter(({ spec }) => spec.targets.split(",").includes(target));
  }

  named(name: string): Member {
    const member = this.members.find(({ spec }) => spec.name === name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  async untilReady(withinMs: number): Promise<void> {
    const deadlineMs = Date.now() + withinMs;
    for (const member of this.members) {
      while (!await member.isReady()) {
        const { process } = member;
        if (Date.now() > deadlineMs) {
          const lines = process?.lines.slice(-30).join("\n");
          throw new Error(`${member.spec.name} is not ready:\n${lines}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }
}

export class Member {
  process: ServerProcess | undefined;
  /** Whether it is to run: one that ends by itself is started again, as an orchestrator does. */
  #isWanted = false;
  restarts = 0;

  constructor(readonly fleet: Fleet, readonly spec: MemberSpec, readonly ports: MemberPorts) {}

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.ports.http}`;
  }

  get otlpUrl(): string {
    return `${this.#scheme}://127.0.0.1:${this.ports.otlpHttp}/v1/traces`;
  }

  get #scheme(): string {
    return this.fleet.options.tls === undefined ? "http" : "https";
  }

  get dir(): string {
    return `${this.fleet.options.dir}/${this.spec.name}`;
  }

  get logFile(): string {
    return `${this.dir}/segno.log`;
  }

  async isReady(): Promise<boolean> {
    return await this.process?.isReady() ?? false;
  }

  /** Warnings and errors of late. */
  lastWords(): string {
    const lines = this.process?.lines.filter((line) =>
      !/level=(info|debug)|configuration/.test(line)
    );
    return `${this.spec.name} (${this.restarts} restarts): ${lines?.slice(-4).join("\n    ")}`;
  }

  /** Does not wait until it is ready. */
  async start(): Promise<void> {
    this.#isWanted = true;
    const { isDetached = false, keepsLogs = false } = this.fleet.options;
    const process = await ServerProcess.start({
      dir: this.dir,
      ports: this.ports,
      yaml: memberConfig(this.fleet, this),
      // What is installed is not looked at again by each of them, one after the other.
      runFlags: ["--node-modules-dir=manual", "--no-check"],
      readyWithinMs: 0,
      isDetached,
      client: this.fleet.options.tls?.client,
      ...keepsLogs ? { logFile: this.logFile } : {},
    });
    this.process = process;
    void process.ended.then(async () => {
      if (this.#isWanted && this.process === process) this.fleet.options.ended?.(this);
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
      if (!this.#isWanted || this.process !== process) return;
      this.restarts++;
      await this.start();
    });
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    await this.process?.kill();
  }

  async stop(): Promise<number> {
    this.#isWanted = false;
    return await this.process?.stop() ?? 0;
  }
}

export function memberConfig(fleet: Fleet, { spec, ports }: Member): string {
  const { kafka, partitions, bucket, config = "", generator = "", segno = "" } = fleet.options;
  const { gossipInterval = "200ms" } = fleet.options;
  const { servers, receiver, clients, gossip } = tlsSections(fleet.options.tls);
  const at = (port: number) => `127.0.0.1:${port}`;
  const zone = spec.zone === undefined ? "" : `, instance_availability_zone: ${spec.zone}`;
  const ring =
    `{instance_id: ${spec.name}, instance_addr: 127.0.0.1${zone}, heartbeat_period: 1s, ` +
    "heartbeat_timeout: 10s}";
  const seeds = fleet.members.slice(0, 3).map((member) => at(member.ports.gossip)).join(", ");
  const frontends = fleet.of("query-frontend").map((member) => at(member.ports.grpc));
  const scheduler = fleet.of("backend-scheduler")[0];
  return `target: ${spec.targets}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: ${ports.http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: ${ports.grpc}
${servers}
distributor:
  ring: ${ring}
  receivers:
    otlp:
      protocols:
        grpc: {endpoint: "${at(ports.otlpGrpc)}"${receiver}}
        http: {endpoint: "${at(ports.otlpHttp)}"${receiver}}
ingest:
  kafka: {address: "${kafka}", topic: spans, auto_create_topic_default_partitions: ${partitions}}
memberlist:
  bind_addr: [127.0.0.1]
  bind_port: ${ports.gossip}
  advertise_addr: 127.0.0.1
  advertise_port: ${ports.gossip}
  gossip_interval: ${gossipInterval}
  join_members: [${seeds}]
${gossip}
live_store:
  ring: ${ring}
  partition_ring: {min_partition_owners_duration: 1s, delete_inactive_partition_after: 15s}
  shutdown_marker_dir: ./marker
block_builder: {instance_id: ${spec.name}, partitions_per_instance: ${partitions}, consume_cycle_duration: 10s}
metrics_generator:
  ring: ${ring}
${generator}
querier:
  frontend_worker: {frontend_address: "${frontends.join(",")}"${clients("gzip")}}
live_store_client: {remote_timeout: 5s${clients("snappy")}}
backend_scheduler_client: {${clients("gzip").slice(2)}}
backend_worker:
  backend_scheduler_addr: ${scheduler === undefined ? '""' : at(scheduler.ports.grpc)}
storage:
  trace: ${bucket}
segno:
  data_path: ./data
  memory_budget_bytes: 400000000
${segno}
${config}
`;
}

/** Nothing where nothing is encrypted. */
function tlsSections(tls: FleetTls | undefined) {
  if (tls === undefined) return { servers: "", receiver: "", clients: () => "", gossip: "" };
  const { dir } = tls;
  const pair = `cert_file: ${dir}/tls.crt, key_file: ${dir}/tls.key, client_ca_file: ${dir}/ca.crt`;
  const server = `{${pair}, client_auth_type: RequireAndVerifyClientCert}`;
  const own = `tls_cert_path: ${dir}/tls.crt, tls_key_path: ${dir}/tls.key`;
  const client = `tls_enabled: true, ${own}, tls_ca_path: ${dir}/ca.crt`;
  const named = `${client}, tls_server_name: ${TLS_NAME}`;
  return {
    servers: `  http_tls_config: ${server}\n  grpc_tls_config: ${server}`,
    receiver: `, tls: {${pair}}`,
    clients: (compression: string) =>
      `, grpc_client_config: {${named}, grpc_compression: ${compression}}`,
    gossip: `  ${named.replaceAll(", ", "\n  ")}`,
  };
}

/** Free a moment ago; five each. */
function freePorts(members: number): MemberPorts[] {
  const listeners = Array.from({ length: 5 * members }, () => {
    return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  });
  const ports = listeners.map((one) => (one.addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return Array.from({ length: members }, (_, i): MemberPorts => {
    const [http, grpc, otlpGrpc, otlpHttp, gossip] = ports.slice(5 * i, 5 * i + 5);
    return {
      http: http!,
      grpc: grpc!,
      otlpGrpc: otlpGrpc!,
      otlpHttp: otlpHttp!,
      gossip: gossip!,
    };
  });
}
