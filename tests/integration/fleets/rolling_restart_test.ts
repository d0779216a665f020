// deno-lint-ignore-file no-console house/no-ambient-world
// Every process of a fleet in two zones is stopped as an orchestrator stops it and started again, one after the other,
// while spans come in and questions are asked. Who is stopped is still asked for a moment, as by a Service
// that has not heard of it yet.
// Laws: no push fails for a client that tries once more, no question fails or is answered with less than was there
// before, everybody ends with 0 and is back in its rings, and in the end nobody is behind.
import assert from "node:assert/strict";
import { Fleet, type Member, twoZones } from "../../support/fleet.ts";
import { problemsById, problemsBySearch } from "../../support/fleet_checks.ts";
import { FleetLoad } from "../../support/fleet_load.ts";
import { FleetQuestions } from "../../support/fleet_questions.ts";
import { startKafka } from "../../support/kafka_server.ts";
import { eventually, metric } from "../../support/query_client.ts";
import { skipped } from "../../support/skipped.ts";

const SHUTDOWN_DELAY_MS = 1_000;
/** Until nobody sends anything to a process that was told to stop. */
const ROUTED_MS = 500;
const READY_WITHIN_MS = 60_000;

const kafka = await startKafka().catch(skipped("a rolling restart"));

if (kafka !== undefined) {
  Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());
  const isLoose = { sanitizeOps: false, sanitizeResources: false };
  Deno.test(
    "a fleet is restarted one process after the other, and nobody notices",
    isLoose,
    async (t) => {
      const dir = Deno.makeTempDirSync({ prefix: "segno-rolling-" });
      await using fleet = await Fleet.start({
        dir,
        kafka: kafka.addresses.join(),
        partitions: 1,
        members: twoZones(1),
        gossipInterval: "1s",
        bucket: `{backend: local, blocklist_poll: 2s, local: {path: ${dir}/blocks}}`,
        config: `shutdown_delay: ${SHUTDOWN_DELAY_MS}ms`,
      });
      const away = new Set<Member>();
      const there = (target: string) => fleet.of(target).filter((member) => !away.has(member));
      await using load = new FleetLoad({
        // By gRPC and by HTTP, and to each of them first, in turn. Senders know both and are told nothing.
        urls: (request) => {
          const urls = fleet.of("distributor").map(({ otlpUrl, ports }) =>
            request % 2 === 0 ? `grpc://127.0.0.1:${ports.otlpGrpc}` : otlpUrl
          );
          return request % 4 < 2 ? urls : urls.reverse();
        },
        spansPerSecond: 90,
        seed: 5,
      });
      await eventually(() => Promise.resolve(load.ackedSpans), (spans) => spans > 300, 30_000);
      await using questions = new FleetQuestions({
        urls: () => there("query-frontend").map(({ url }) => url),
        acked: () => load.acked,
        dueMs: 5_000,
        everyMs: 150,
        startMs: Date.now() - 30_000,
      });
      const startMs = Date.now();
      for (const member of fleet.members) {
        await t.step(`${member.spec.name} is stopped and started`, async () => {
          const before = { wrong: questions.wrong.length, asked: questions.asked };
          const beganMs = Date.now();
          const ended = member.stop();
          setTimeout(() => away.add(member), ROUTED_MS);
          assert.equal(await ended, 0, member.lastWords());
          away.add(member);
          const stoppedMs = Date.now();
          await member.start();
          const isReady = await eventually(() => member.isReady(), (yes) => yes, READY_WITHIN_MS);
          assert.ok(isReady, member.lastWords());
          away.delete(member);
          console.log(
            `${member.spec.name}: stopped in ${stoppedMs - beganMs} ms, ready in ` +
              `${Date.now() - stoppedMs} ms, ${questions.asked - before.asked} questions`,
          );
          assert.deepEqual(questions.wrong.slice(before.wrong), []);
          assert.ok(load.mostAttempts <= 2, `a push was tried ${load.mostAttempts} times`);
        });
      }
      await t.step("everybody is back, nobody is behind, all is there", async () => {
        // Of blocks alone: they are in no ring.
        const inRings = fleet.members.filter(({ spec }) => !spec.targets.startsWith("backend"));
        for (const member of inRings) {
          for (const ring of ["live-store", "distributor"]) {
            const states = () => statesIn(member, ring);
            const wanted = `ACTIVE ${fleet.of(ring).length}`;
            const told = await eventually(states, (told) => told === wanted, 20_000);
            assert.equal(told, wanted, `${ring} ring as ${member.spec.name} sees it`);
          }
        }
        const { acked } = load;
        await load[Symbol.asyncDispose]();
        await questions[Symbol.asyncDispose]();
        for (const { url, spec } of [...fleet.of("live-store"), ...fleet.of("block-builder")]) {
          const lag = () => metric(url, "tempo_ingest_group_partition_lag");
          assert.equal(await eventually(lag, (records) => records === 0, 30_000), 0, spec.name);
        }
        assert.deepEqual([...load.wrong], []);
        assert.deepEqual(questions.wrong, []);
        for (const { url } of fleet.of("query-frontend")) {
          assert.deepEqual(await problemsById(url, acked.slice(-200)), []);
          assert.deepEqual(await problemsBySearch(url, acked), []);
        }
        console.log(
          `${acked.length} traces, ${load.ackedSpans} spans acknowledged, ${load.refusals} refusals, ` +
            `${load.failedConnections} broken connections, at most ${load.mostAttempts} attempts; ` +
            `${questions.asked} questions, the longest ${questions.longestMs} ms; ` +
            `${Math.round((Date.now() - startMs) / 1000)} s`,
        );
      });
      Deno.removeSync(dir, { recursive: true });
    },
  );
}

/** How many the member knows in which state, those alone that there are. */
async function statesIn({ url }: Member, ring: string): Promise<string> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n")
    .flatMap((line) => /^tempo_ring_members\{(.*)\} (\d+)$/.exec(line)?.slice(1) ?? [])
    .reduce((told: string[], part, i, all) => {
      if (i % 2 === 1 || !part.includes(`name="${ring}"`) || all[i + 1] === "0") return told;
      return [...told, `${/state="(\w+)"/.exec(part)![1]} ${all[i + 1]}`];
    }, []).join(", ");
}
