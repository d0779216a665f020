// deno-lint-ignore-file house/no-ambient-world
// Real Kafka brokers (KRaft, one controller), each a process on free ports with a folder of its own.
// Rules: the jars come once from Maven, into ~/.cache/segno-tests; what cannot be had says why; whoever
// starts a cluster disposes of it, and then its processes are gone.
import { NoServerError } from "./bucket_servers.ts";

const VERSION = "4.4.0";
const FOLDER = `${Deno.env.get("HOME") ?? "/tmp"}/.cache/segno-tests/kafka-${VERSION}`;
const CLUSTER_ID = "c2Vnbm8tdGVzdHMtMDAwMQ";
const UP_WITHIN_MS = 120_000;

/** What Maven has to fetch. The broker alone: neither Connect nor Streams. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>segno</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>
      <exclusions><exclusion>
        <groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId>
      </exclusion></exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
      <version>2.25.1</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.1</version>
    </dependency>
  </dependencies>
</project>
`;

const LOGGING = `status=error
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %m%n
rootLogger.level=warn
rootLogger.appenderRef.c.ref=C
`;

export interface KafkaOptions {
  readonly brokers?: number;
  /** A second listener of each broker, over TLS and with all of SASL; users as below. */
  readonly isSecured?: boolean;
  /** Kept, and gone on with if it is of a former run; otherwise a folder that is removed at the end. */
  readonly dir?: string;
  /** Of every broker, and of the controller last; free ones unless told. */
  readonly ports?: readonly number[];
  /** In process groups of their own: Ctrl-C in a terminal is for whoever started them. */
  readonly isDetached?: boolean;
}

/** Known to a secured cluster by PLAIN and both SCRAMs. */
export const KAFKA_USER = { username: "segno", password: "a-password" } as const;

export interface KafkaServers extends AsyncDisposable {
  /** `host:port` of every broker. */
  readonly addresses: readonly string[];
  /** The same of the secured listeners, and the certificate that they show; empty without. */
  readonly securedAddresses: readonly string[];
  readonly certificate: string;
  /** The process of a broker that runs. */
  pid(broker: number): number;
  /** Ends a broker as a crash does. The first is the controller too. */
  kill(broker: number): Promise<void>;
  /** On the same port and files. */
  start(broker: number): Promise<void>;
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServers> {
  await fetchJars();
  const { brokers: count = 1, isSecured = false, isDetached = false } = options;
  const dir = options.dir ?? Deno.makeTempDirSync({ prefix: "segno-kafka-" });
  const [freeController, ...all] = freePorts(2 * count + 1);
  const ports = options.ports?.slice(0, count) ?? all.slice(0, count);
  const controllerPort = options.ports?.[count] ?? freeController;
  const securedPorts = isSecured ? all.slice(count) : [];
  const certificate = isSecured ? await makeCertificate(dir) : "";
  const children = new Map<number, Deno.ChildProcess>();
  const servers: KafkaServers = {
    addresses: ports.map((port) => `127.0.0.1:${port}`),
    securedAddresses: securedPorts.map((port) => `127.0.0.1:${port}`),
    certificate,
    pid: (broker) => children.get(broker)!.pid,
    async kill(broker) {
      const child = children.get(broker);
      children.delete(broker);
      try {
        child?.kill("SIGKILL");
      } catch {
        // it has ended by itself
      }
      await child?.status;
    },
    async start(broker) {
      children.set(broker, spawnBroker(`${dir}/${broker}`, isDetached));
      await untilItListens(ports[broker]!, children.get(broker)!);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...children.keys()].map((broker) => servers.kill(broker)));
      if (options.dir === undefined) Deno.removeSync(dir, { recursive: true });
    },
  };
  try {
    for (const [broker, port] of ports.entries()) {
      const folder = `${dir}/${broker}`;
      Deno.mkdirSync(folder, { recursive: true });
      Deno.writeTextFileSync(`${folder}/log4j2.properties`, LOGGING);
      const securedPort = securedPorts[broker];
      const lines = properties(folder, broker, port, controllerPort!, count, securedPort);
      if (securedPort !== undefined) lines.push(...secured(dir));
      Deno.writeTextFileSync(`${folder}/server.properties`, lines.join("\n") + "\n");
      await java(folder, "kafka.tools.StorageTool", [
        ...["format", "-g", "-t", CLUSTER_ID, "-c", `${folder}/server.properties`],
        ...securedPort === undefined ? [] : SCRAM_USERS,
      ]);
    }
    // The controller first; a broker alone would wait for it.
    await servers.start(0);
    await Promise.all(ports.slice(1).map((_, i) => servers.start(i + 1)));
    return servers;
  } catch (error) {
    await servers[Symbol.asyncDispose]();
    throw error;
  }
}

function properties(
  folder: string,
  broker: number,
  port: number,
  controllerPort: number,
  brokers: number,
  securedPort: number | undefined,
): string[] {
  const isController = broker === 0;
  const own = [`PLAINTEXT://127.0.0.1:${port}`];
  if (securedPort !== undefined) own.push(`SECURED://127.0.0.1:${securedPort}`);
  const controller = isController ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : [];
  return [
    `process.roles=${isController ? "broker,controller" : "broker"}`,
    `node.id=${broker + 1}`,
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${[...own, ...controller].join()}`,
    `advertised.listeners=${own.join()}`,
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=PLAINTEXT",
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
    `log.dirs=${folder}/data`,
    `default.replication.factor=${brokers}`,
    `min.insync.replicas=${Math.max(1, brokers - 1)}`,
    "offsets.topic.num.partitions=1",
    `offsets.topic.replication.factor=${brokers}`,
    "transaction.state.log.num.partitions=1",
    `transaction.state.log.replication.factor=${brokers}`,
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.num.partitions=1",
    `share.coordinator.state.topic.replication.factor=${brokers}`,
    "share.coordinator.state.topic.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
    "auto.create.topics.enable=false",
    "message.max.bytes=16777216",
    "num.network.threads=2",
    "num.io.threads=2",
    "background.threads=2",
    "broker.session.timeout.ms=2000",
    "broker.heartbeat.interval.ms=500",
    "initial.broker.registration.timeout.ms=60000",
    "log.cleaner.dedupe.buffer.size=4194304",
    "log.cleaner.io.buffer.size=65536",
  ];
}

const SCRAM_USERS = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
  "--add-scram",
  `${mechanism}=[name=${KAFKA_USER.username},password=${KAFKA_USER.password}]`,
]);

/** Bearer tokens are taken unsigned: what is tested is the client. */
function secured(dir: string): string[] {
  const { username, password } = KAFKA_USER;
  const jaas = (mechanism: string, module: string, options = "") =>
    `listener.name.secured.${mechanism}.sasl.jaas.config=` +
    `org.apache.kafka.common.security.${module} required ${options};`;
  const bearer = "org.apache.kafka.common.security.oauthbearer.internals.unsecured";
  return [
    "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    jaas("plain", "plain.PlainLoginModule", `user_${username}="${password}"`),
    jaas("scram-sha-256", "scram.ScramLoginModule"),
    jaas("scram-sha-512", "scram.ScramLoginModule"),
    jaas("oauthbearer", "oauthbearer.OAuthBearerLoginModule"),
    "listener.name.secured.oauthbearer.sasl.server.callback.handler.class=" +
    `${bearer}.OAuthBearerUnsecuredValidatorCallbackHandler`,
    `ssl.keystore.location=${dir}/broker.p12`,
    `ssl.keystore.password=${password}`,
    "ssl.keystore.type=PKCS12",
  ];
}

/** Self-signed, so that it is its own authority. */
async function makeCertificate(dir: string): Promise<string> {
  const store = ["-keystore", `${dir}/broker.p12`, "-storepass", KAFKA_USER.password];
  const keytool = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("keytool", {
      args: [...args, "-alias", "broker", ...store],
      stdin: "null",
      stderr: "null",
    }).output();
    if (!success) throw new Error(`keytool ${args[0]} failed`);
    return new TextDecoder().decode(stdout);
  };
  await keytool(
    ...["-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-validity", "2"],
    ...["-dname", "CN=localhost", "-ext", "SAN=ip:127.0.0.1,dns:localhost"],
  );
  return await keytool("-exportcert", "-rfc");
}

function javaArgs(folder: string, main: string, args: readonly string[]): string[] {
  return [
    ...["-Xms96m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    ...["-XX:ActiveProcessorCount=2", "-Djava.awt.headless=true"],
    `-Dlog4j2.configurationFile=${folder}/log4j2.properties`,
    ...["-cp", `${FOLDER}/lib/*`, main, ...args],
  ];
}

async function java(folder: string, main: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("java", {
    args: javaArgs(folder, main, args),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${main}: ${new TextDecoder().decode(stderr).slice(-2000)}`);
}

function spawnBroker(folder: string, isDetached: boolean): Deno.ChildProcess {
  return new Deno.Command("java", {
    args: javaArgs(folder, "kafka.Kafka", [`${folder}/server.properties`]),
    detached: isDetached,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function untilItListens(port: number, child: Deno.ChildProcess): Promise<void> {
  let hasEnded = false;
  void child.status.then(() => hasEnded = true);
  const deadlineMs = Date.now() + UP_WITHIN_MS;
  while (Date.now() < deadlineMs) {
    if (hasEnded) throw new Error("the broker ended while it started");
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`the broker does not listen after ${UP_WITHIN_MS} ms`);
}

function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return ports;
}

/** Whether Maven is not needed any more. */
export function hasKafkaJars(): boolean {
  try {
    return Deno.statSync(`${FOLDER}/complete`).isFile;
  } catch {
    return false;
  }
}

async function fetchJars(): Promise<void> {
  if (hasKafkaJars()) return;
  Deno.mkdirSync(FOLDER, { recursive: true });
  Deno.writeTextFileSync(`${FOLDER}/pom.xml`, POM);
  const args = ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${FOLDER}/lib`];
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("mvn", { args, cwd: FOLDER, stdout: "piped", stderr: "null" })
      .output();
    await new Deno.Command("java", { args: ["-version"], stderr: "null" }).output();
  } catch (error) {
    throw new NoServerError("there is no mvn or java here", { cause: error });
  }
  if (!output.success) {
    throw new NoServerError(`mvn: ${new TextDecoder().decode(output.stdout).slice(-500)}`);
  }
  Deno.writeTextFileSync(`${FOLDER}/complete`, VERSION);
}
