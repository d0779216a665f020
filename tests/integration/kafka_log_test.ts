// deno-lint-ignore-file house/no-ambient-world
// The Kafka log against real brokers: the contract of all partition logs, and what brokers do.
import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { logContract, options, record, texts } from "../../wal/contract.ts";
import { KafkaLog, type KafkaLogOptions } from "../../wal/kafka/mod.ts";
import { KAFKA_USER, type KafkaServers, startKafka } from "../support/kafka_server.ts";
import { skipped } from "../support/skipped.ts";

const GOLDEN = new URL("../golden/kafka/", import.meta.url);
let topics = 0;

function optionsFor(brokers: readonly string[], changes: Partial<KafkaLogOptions> = {}) {
  return {
    brokers,
    topic: `segno-test-${Deno.pid}-${++topics}`,
    clientId: "segno-test",
    clientRack: undefined,
    dialTimeoutMs: 2_000,
    writeTimeoutMs: 10_000,
    sasl: undefined,
    tls: undefined,
    createPartitions: 2,
    recordBytesMax: 1 << 20,
    batchBytesMax: 15_000_000,
    bufferedBytesMax: 64 << 20,
    compression: "snappy" as const,
    ...changes,
  };
}

/** One broker for everything that does not harm it. */
const shared = await startKafka({ isSecured: true }).catch(skipped("kafka log"));
if (shared !== undefined) {
  Deno.test.afterAll(async () => await shared[Symbol.asyncDispose]());
  testShared(shared);
  testFaults();
}

function testShared(shared: KafkaServers): void {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    // The whole contract with one codec, the round trip with each.
    if (compression === "snappy") continue;
    Deno.test(`kafka log keeps values with ${compression}`, async () => {
      const { addresses } = shared;
      await using log = await KafkaLog.open(
        createRuntime(),
        optionsFor(addresses, { compression }),
      );
      const large = "spans ".repeat(50_000);
      await log.append([record(0, "a", large), record(0, "b", "two"), record(1, "c", "three")]);
      assert.deepEqual(await texts(log, 0), [`a:${large}`, "b:two"]);
      assert.deepEqual(await texts(log, 1), ["c:three"]);
    });
  }

  logContract("kafka log", async () => {
    const { addresses } = shared;
    const log = await KafkaLog.open(createRuntime(), optionsFor(addresses));
    return { writer: log, reader: log, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
  });

  Deno.test("kafka log: whoever opens the topic again finds everything, and commits with it", async () => {
    const { addresses } = shared;
    const kafka = optionsFor(addresses);
    {
      await using log = await KafkaLog.open(createRuntime(), kafka);
      await log.append([record(0, "a", "one"), record(1, "b", "two")]);
      await log.commit("block-builder", 0, 1);
    }
    await using log = await KafkaLog.open(createRuntime(), {
      ...kafka,
      createPartitions: undefined,
    });
    assert.deepEqual([...log.partitions], [0, 1]);
    assert.deepEqual(await texts(log, 0), ["a:one"]);
    assert.equal(await log.committedOffset("block-builder", 0), 1);
    await log.commit("block-builder", 0, 0);
    assert.equal(await log.committedOffset("block-builder", 0), 1, "a commit never goes back");
  });

  Deno.test("kafka log finds the offset of a time", async () => {
    const { addresses } = shared;
    await using log = await KafkaLog.open(createRuntime(), optionsFor(addresses));
    await log.append([record(0, "t", "old")]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const betweenMs = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await log.append([record(0, "t", "new")]);
    assert.equal(await log.offsetOfTime(0, betweenMs - 60_000), 0);
    assert.equal(await log.offsetOfTime(0, betweenMs), 1);
    assert.equal(await log.offsetOfTime(0, betweenMs + 60_000), 2);
  });

  Deno.test("kafka log halves batches that a broker finds too large, and refuses single records", async () => {
    const { addresses } = shared;
    // Without compression, for the broker measures what it gets.
    const kafka = optionsFor(addresses, { compression: "none", recordBytesMax: 40 << 20 });
    await using log = await KafkaLog.open(createRuntime(), { ...kafka, batchBytesMax: 60 << 20 });
    const megabytes = (n: number, name: string) => record(0, "t", name + "x".repeat(n << 20));
    const offsets = await log.append([megabytes(9, "a"), megabytes(9, "b"), record(0, "t", "c")]);
    assert.deepEqual([...offsets].sort(), [0, 1, 2]);
    assert.equal(await log.endOffset(0), 3);
    await assert.rejects(log.append([megabytes(18, "d")]), /takes no record of/);
    assert.deepEqual(await log.append([record(1, "t", "e")]), [0]);
  });

  Deno.test("kafka log refuses as unavailable what it has no room for", async () => {
    const { addresses } = shared;
    const kafka = optionsFor(addresses, { bufferedBytesMax: 1000 });
    await using log = await KafkaLog.open(createRuntime(), kafka);
    const first = log.append([record(0, "t", "x".repeat(900))]);
    await assert.rejects(log.append([record(0, "t", "y".repeat(200))]), UnavailableError);
    assert.deepEqual(await first, [0]);
    assert.deepEqual(await log.append([record(0, "t", "z".repeat(200))]), [1]);
  });

  Deno.test("kafka log counts what retention took before it was read, and goes on", async () => {
    const { addresses } = shared;
    const runtime = createRuntime();
    const kafka = optionsFor(addresses);
    await using log = await KafkaLog.open(runtime, kafka);
    await log.append([1, 2, 3, 4].map((n) => record(0, "t", `${n}`)));
    await deleteBefore(addresses, kafka.topic, 2n);
    const { records, nextOffset } = await log.read(0, 0, options());
    assert.deepEqual([records.length, nextOffset], [0, 2]);
    assert.deepEqual(await texts(log, 0, nextOffset), ["t:3", "t:4"]);
    assert.match(await runtime.metrics.text(), /segno_kafka_lost_records_total\{partition="0"\} 2/);
    await assert.rejects(log.read(0, 9, options()), /the topic ends at 4/);
  });

  Deno.test("kafka records are the peer's: tenant as key, the recorded bytes as value, no headers", async () => {
    const kafka = optionsFor(shared.addresses, { compression: "none" });
    await using log = await KafkaLog.open(createRuntime(), kafka);
    const cases = [...Deno.readDirSync(GOLDEN)].map(({ name }) => name)
      .filter((name) => /^\d.*\.json$/.test(name)).sort();
    const recorded = cases.flatMap((name) => recordsOf(new URL(name, GOLDEN)));
    assert.ok(recorded.length > 5, `${recorded.length} records`);
    await log.append(recorded.map(({ key, value }) => {
      const bytes = Uint8Array.fromHex(value);
      const write = (to: Uint8Array, at: number) => to.set(bytes, at);
      return { partition: 0, tenant: tenantOf(key), sizeBytes: bytes.length, write };
    }));
    const raw = await rawRecords(shared.addresses, kafka.topic);
    assert.deepEqual(raw, recorded.map(({ key, value }) => ({ key, value, headers: 0 })));
  });

  testSecurity(shared);
}

function testFaults(): void {
  Deno.test("kafka log outlasts a broker that is away, and readers go on by themselves", async () => {
    await using servers = await startKafka();
    const kafka = optionsFor(servers.addresses, { writeTimeoutMs: 2_000 });
    await using log = await KafkaLog.open(createRuntime(), kafka);
    await log.append([record(0, "t", "before")]);
    assert.equal((await log.read(0, 0, options())).records.length, 1);
    await servers.kill(0);
    await assert.rejects(log.append([record(0, "t", "during")]), UnavailableError);
    assert.deepEqual(await log.read(0, 1, options({ waitMs: 1000 })), {
      records: [],
      nextOffset: 1,
    });
    await servers.start(0);
    let stored: number[] | undefined;
    for (let i = 0; i < 60 && stored === undefined; i++) {
      stored = await log.append([record(0, "t", "after")]).catch(() => undefined);
    }
    assert.ok(stored !== undefined, "written again after the broker came back");
    const found = await eventuallyTexts(log, 0, 1, stored[0]! + 1);
    assert.equal(found.at(-1), "t:after");
  });

  Deno.test("kafka log follows the leader of a partition to another broker", async () => {
    await using servers = await startKafka({ brokers: 3 });
    const kafka = optionsFor(servers.addresses, { createPartitions: 3, writeTimeoutMs: 15_000 });
    await using log = await KafkaLog.open(createRuntime(), kafka);
    const sent: string[][] = [[], [], []];
    const put = async (name: string) => {
      await log.append([0, 1, 2].map((partition) => record(partition, "t", name)));
      for (const texts of sent) texts.push(`t:${name}`);
    };
    for (let i = 0; i < 10; i++) await put(`before ${i}`);
    for (const partition of [0, 1, 2]) {
      assert.deepEqual(await texts(log, partition), sent[partition]);
    }
    await servers.kill(2);
    for (let i = 0; i < 10; i++) await put(`after ${i}`);
    for (const partition of [0, 1, 2]) {
      const askedMs = Date.now();
      const end = await log.endOffset(partition);
      const tookMs = Date.now() - askedMs;
      // Whoever asks the leader that is gone until its tries are over takes 15 s.
      assert.ok(tookMs < 12_000, `its end is known after ${tookMs} ms`);
      const found = await eventuallyTexts(log, partition, 0, end);
      assert.deepEqual([...new Set(found)], sent[partition], "everything, in order");
    }
  });
}

function testSecurity({ securedAddresses, certificate }: KafkaServers): void {
  const tls = {
    ca: certificate,
    cert: undefined,
    key: undefined,
    serverName: "localhost",
    isUnverified: false,
  };
  const roundTrip = async (changes: Partial<KafkaLogOptions>) => {
    const kafka = { ...optionsFor(securedAddresses, changes), writeTimeoutMs: 2_000 };
    await using log = await KafkaLog.open(createRuntime(), kafka);
    await log.append([record(0, "t", "secret")]);
    await log.commit("g", 0, 1);
    assert.deepEqual(await texts(log, 0), ["t:secret"]);
  };

  for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
    Deno.test(`kafka log speaks ${mechanism} over TLS`, async () => {
      await roundTrip({ tls, sasl: { mechanism, ...KAFKA_USER } });
    });
  }

  Deno.test("kafka log shows a bearer token that it asks for at each connection", async () => {
    let asked = 0;
    const token = () => {
      asked++;
      return Promise.resolve(unsignedToken());
    };
    await roundTrip({ tls, sasl: { mechanism: "OAUTHBEARER", token, extensions: {} } });
    assert.ok(asked >= 2, `${asked} times`);
  });

  Deno.test("kafka log is refused with a wrong password, and refuses an unknown certificate", async () => {
    const sasl = { mechanism: "PLAIN" as const, ...KAFKA_USER };
    await assert.rejects(roundTrip({ tls, sasl: { ...sasl, password: "another" } }), /kafka: /);
    await assert.rejects(roundTrip({ tls: { ...tls, ca: undefined }, sasl }), /kafka: /);
    await roundTrip({ tls: { ...tls, ca: undefined, isUnverified: true }, sasl });
  });
}

function unsignedToken(): string {
  const seconds = Math.floor(Date.now() / 1000);
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const claims = { sub: KAFKA_USER.username, iat: seconds - 10, exp: seconds + 600 };
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

/** Records in [fromOffset, endOffset); reads may come back empty on the way. */
async function eventuallyTexts(
  log: KafkaLog,
  partition: number,
  fromOffset: number,
  endOffset: number,
): Promise<string[]> {
  const found: string[] = [];
  const deadlineMs = Date.now() + 30_000;
  for (let next = fromOffset; next < endOffset && Date.now() < deadlineMs;) {
    const { records, nextOffset } = await log.read(partition, next, options({ waitMs: 500 }));
    for (const { tenant, value } of records) {
      found.push(`${tenant}:${new TextDecoder().decode(value)}`);
    }
    next = nextOffset;
  }
  return found;
}

async function deleteBefore(brokers: readonly string[], topic: string, offset: bigint) {
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] });
  await admin.close();
}

/** Those that were written; one of the cases has an error in the place of a record. */
function recordsOf(url: URL): { key: string; value: string }[] {
  const { records }: { records: { key_hex?: string; value_hex: string }[] } = JSON.parse(
    Deno.readTextFileSync(url),
  );
  return records.flatMap(({ key_hex, value_hex }) =>
    key_hex === undefined ? [] : [{ key: key_hex, value: value_hex }]
  );
}

const tenantOf = (key: string) => new TextDecoder().decode(Uint8Array.fromHex(key));

/** What another client finds in partition 0, in hexadecimal. */
async function rawRecords(brokers: readonly string[], topic: string) {
  const { Consumer } = await import("@platformatic/kafka");
  const base = { clientId: "raw", bootstrapBrokers: [...brokers], groupId: `raw-${topic}` };
  const consumer = new Consumer(base);
  const metadata = await consumer.metadata({ topics: [topic] });
  const { id, partitions } = metadata.topics.get(topic)!;
  const place = {
    partition: 0,
    fetchOffset: 0n,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    partitionMaxBytes: 1 << 24,
  };
  const { responses } = await consumer.fetch({
    node: partitions[0]!.leader,
    maxBytes: 1 << 24,
    maxWaitTime: 1000,
    topics: [{ topicId: id, partitions: [place] }],
  });
  await consumer.close(true);
  const batches = responses.flatMap((one) =>
    one.partitions.flatMap(({ records }) => records ?? [])
  );
  return batches.flatMap(({ records }) =>
    records.map(({ key, value, headers }) => ({
      key: hex(key),
      value: hex(value),
      headers: headers.length,
    }))
  );
}

const hex = (bytes: Uint8Array | null) => Uint8Array.from(bytes ?? []).toHex();
