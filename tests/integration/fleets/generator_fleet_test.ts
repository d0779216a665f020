// deno-lint-ignore-file house/no-ambient-world
// Metrics-generators of a fleet: a real topic, a real Prometheus, and one generator that is killed, and then gone.
import assert from "node:assert/strict";

import { deployedMetrics, isExposed, isOfGenerators } from "../../support/deployed_expressions.ts";
import { Fleet, type Member } from "../../support/fleet.ts";
import { type KafkaServers, startKafka } from "../../support/kafka_server.ts";
import { PrometheusServer } from "../../support/prometheus_server.ts";
import { eventually, metric } from "../../support/query_client.ts";
import { shopTrace } from "../../support/shop_trace.ts";
import { skipped } from "../../support/skipped.ts";
import { sendOtlp } from "../../support/some_trace.ts";

const PARTITIONS = 2;
const WITHIN_MS = 60_000;

const kafka = await startKafka().catch(skipped("metrics from traces in a fleet"));
if (kafka !== undefined) {
  Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());
  testFleet(kafka);
}

function testFleet(kafka: KafkaServers): void {
  Deno.test("generators share the topic; one is killed, one is gone, and every span is counted once", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-generators-" });
    try {
      await using prometheus = await PrometheusServer.start();
      await using fleet = await Fleet.start({
        dir,
        kafka: kafka.addresses[0]!,
        partitions: PARTITIONS,
        bucket: "{backend: local, local: {path: ./blocks}}",
        members: [
          { name: "live-store-zone-a-0", targets: "distributor,live-store", zone: "zone-a" },
          { name: "live-store-zone-a-1", targets: "live-store", zone: "zone-a" },
          { name: "metrics-generator-0", targets: "metrics-generator" },
          { name: "metrics-generator-1", targets: "metrics-generator-no-local-blocks" },
        ],
        generator: `  registry: {collection_interval: 1s}
  processor: {service_graphs: {wait: 2s}}
  storage:
    path: ./generator
    remote_write_flush_deadline: 5s
    remote_write: [{url: "${prometheus.writeUrl}"}]`,
        config: `overrides:
  defaults: {metrics_generator: {processors: [span-metrics, service-graphs]}}`,
      });
      const [distributor, , first, second] = fleet.members as [Member, Member, Member, Member];
      const assigned = (member: Member) =>
        metric(member.url, "tempo_metrics_generator_assigned_partitions").catch(() => -1);
      const bothHave = async () => await assigned(first) === 1 && await assigned(second) === 1;
      assert.ok(await eventually(bothHave, (yes) => yes, WITHIN_MS), "each has a partition");
      const active = () =>
        metric(
          distributor.url,
          'tempo_partition_ring_partitions{name="livestore-partitions",state="Active"}',
        );
      await eventually(active, (count) => count === PARTITIONS, WITHIN_MS);
      assert.equal(
        await metric(first.url, 'tempo_ring_members{name="metrics-generator",state="ACTIVE"}'),
        2,
      );

      let sent = 0;
      const send = async (count: number) => {
        for (let i = 0; i < count; i++) {
          const { status, text } = await sendOtlp(distributor.otlpUrl, shopTrace());
          assert.equal(status, 200, text);
          sent++;
        }
      };
      const counted = async (name: string) => {
        const by = await prometheus.counted(name, "__metrics_gen_instance");
        return { by, sum: Object.values(by).reduce((sum, one) => sum + one, 0) };
      };
      const allCounted = async (why: string) => {
        const { by, sum } = await eventually(
          () => counted("traces_spanmetrics_calls_total"),
          ({ sum }) => sum >= 3 * sent,
          WITHIN_MS,
        );
        assert.equal(sum, 3 * sent, `${why}: ${JSON.stringify(by)}`);
        return by;
      };

      await send(40);
      const by = await allCounted("of both");
      assert.deepEqual(Object.keys(by).sort(), ["metrics-generator-0", "metrics-generator-1"]);
      for (const member of [first, second]) {
        assert.equal(await metric(member.url, "tempo_ingest_group_partition_lag"), 0);
      }

      const page = await (await fetch(`${first.url}/metrics`)).text();
      const exposed = new Set(
        Array.from(page.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name!),
      );
      const asked = deployedMetrics().filter(isOfGenerators);
      assert.ok(asked.length > 5);
      assert.deepEqual(asked.filter((name) => !isExposed(name, exposed)), []);

      // Its orchestrator starts it again in a second; the other keeps what it has.
      const { pid } = second.process!;
      await send(20);
      Deno.kill(pid, "SIGKILL");
      await send(40);
      await eventually(() => Promise.resolve(second.process?.pid !== pid), (yes) => yes);
      await allCounted("of one that was killed");
      assert.equal(await assigned(first), 1);

      // One that does not come back: its partition is the other's within a session.
      await send(20);
      assert.equal(await second.stop(), 0);
      await send(20);
      await eventually(() => assigned(first), (count) => count === PARTITIONS, WITHIN_MS);
      await send(20);
      await allCounted("of one that is gone");

      const call = 'traces_service_graph_request_total{client="front",server="back"}';
      const edges = async () => (await counted(call)).sum;
      await eventually(edges, (sum) => sum >= sent, 5_000);
      const found = await edges();
      // Halves of edges that waited for the other when it was killed are lost with it.
      assert.ok(found > sent - 25 && found <= sent, `${found} calls of ${sent}`);
    } finally {
      // Who restarts members finds that none is wanted any more.
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      Deno.removeSync(dir, { recursive: true });
    }
  });
}
