// A tenant's delivery on a simulated disk, to endpoints that take, are away, or refuse.
import assert from "node:assert/strict";

import { uncompressSync } from "snappy";

import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { seededRandom } from "../../lib/random.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { counter, T0_MS, type WrittenSeries, writtenSeries } from "../../tests/support/series.ts";
import type { SeriesPoints } from "../series.ts";
import { Delivery, type DeliveryOptions, type TenantDelivery } from "./delivery.ts";
import type { DeliveryLogOptions } from "./delivery_log.ts";
import type { Endpoint, Outcome } from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint_settings.ts";
import { segmentName } from "./segment.ts";

const EXPOSITION = new URL("../../tests/golden/metrics/exposition-generator.json", import.meta.url);
const AWAY: Outcome = { kind: "away", reason: "HTTP 503", afterMs: undefined };
const TAKEN: Outcome = { kind: "taken" };
const REFUSED: Outcome = { kind: "refused", reason: "HTTP 400", isForContents: true };
const NEVER = new AbortController().signal;

Deno.test("a collection reaches every endpoint, each after its own relabelling", async () => {
  const world = new World(["one", "two"], {
    two: {
      relabelling: [{
        sourceLabels: ["__name__"],
        separator: ";",
        regex: "b.*",
        modulus: 0,
        targetLabel: "",
        replacement: "$1",
        action: "keep",
      }],
    },
  });
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1), counter("b", 0, 2));
  assert.deepEqual(world.namesAt("one"), ["a", "b"]);
  assert.deepEqual(world.namesAt("two"), ["b"]);
});

Deno.test("messages are bounded in samples, and series are not divided", async () => {
  const world = new World(["one"], { one: { queue: { ...QUEUE, samplesMax: 3 } } });
  await using tenant = await world.open();
  await world.append(tenant, ...["a", "b", "c", "d", "e"].map((name) => counter(name, 0, 1)));
  assert.deepEqual(world.taken.get("one")!.map((message) => message.length), [3, 2]);
});

Deno.test("an endpoint that is away is tried until it is back; the other does not wait", async () => {
  const world = new World(["one", "two"]);
  world.answer.set("one", () => AWAY);
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1));
  await world.append(tenant, counter("a", 1, 2));
  assert.deepEqual(world.namesAt("one"), []);
  assert.deepEqual(world.valuesAt("two"), [1, 2]);
  const tries = world.tries;
  await world.clock.advance(60_000);
  assert.ok(world.tries > tries + 5, "it goes on");
  assert.ok(world.tries < tries + 200, "with pauses");
  world.answer.delete("one");
  await world.settled();
  await world.clock.advance(10_000);
  await world.settled();
  assert.deepEqual(world.valuesAt("one"), [1, 2]);
});

Deno.test("a message that is refused is halved until only what is bad is left behind", async () => {
  const world = new World(["one"]);
  const isBad = ({ labels }: WrittenSeries) => labels.__name__ === "bad";
  world.answer.set("one", (series) => series.some(isBad) ? REFUSED : TAKEN);
  await using tenant = await world.open();
  const names = Array.from({ length: 40 }, (_, i) => i === 13 ? "bad" : `m${i}`);
  await world.append(tenant, ...names.map((name) => counter(name, 0, 1)));
  assert.deepEqual(world.namesAt("one"), names.filter((name) => name !== "bad").sort());
  assert.equal(await world.metric("samples_failed_total"), 1);
  assert.equal(await world.metric("samples_total"), 39);
});

Deno.test("an endpoint that refuses everything costs a bounded number of requests", async () => {
  const world = new World(["one"]);
  world.answer.set("one", () => REFUSED);
  await using tenant = await world.open();
  await world.append(tenant, ...Array.from({ length: 500 }, (_, i) => counter(`m${i}`, 0, 1)));
  assert.ok(world.tries <= 65, String(world.tries));
  assert.equal(await world.metric("samples_failed_total"), 500);
});

Deno.test("what was not acknowledged when the process was killed is sent by the next; the rest is not", async () => {
  const world = new World(["one"], { one: { queue: { ...QUEUE, samplesMax: 2 } } });
  let left = 3;
  world.answer.set("one", () => left-- > 0 ? TAKEN : AWAY);
  const killed = await world.open();
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
  await world.append(killed, ...names.map((name) => counter(name, 0, 1)));
  assert.deepEqual(world.namesAt("one"), names.slice(0, 6));
  world.disk.kill();
  await killed[Symbol.asyncDispose]();
  world.answer.delete("one");
  await using _again = await world.open();
  await world.settled();
  assert.deepEqual(world.namesAt("one"), names);
  assert.equal(world.taken.get("one")!.flat().length, names.length, "none twice");
});

Deno.test("a segment that is damaged while it is written is ended: what is collected from then on arrives", async () => {
  const world = new World(["one"]);
  world.answer.set("one", () => AWAY);
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1));
  await world.append(tenant, counter("a", 1, 2));
  const name = segmentName(1);
  world.disk.flip(name, world.disk.contents(name).length - 1);
  world.answer.delete("one");
  await world.clock.advance(10_000);
  await world.append(tenant, counter("a", 2, 3));
  await world.append(tenant, counter("a", 3, 4));
  assert.deepEqual(world.valuesAt("one"), [1, 3, 4]);
  assert.match(await world.runtime.metrics.text(), /prometheus_agent_corruptions_total\S+ 1/);
  assert.ok(tenant.isDelivered);
});

Deno.test("a segment that somebody has removed is passed over, once it is sought in vain", async () => {
  const world = new World(["one"], {}, { segmentBytesMax: 1 });
  world.answer.set("one", () => AWAY);
  await using tenant = await world.open();
  for (let i = 0; i < 3; i++) await world.append(tenant, counter("a", i, i));
  await world.disk.mount().remove(segmentName(2));
  world.answer.delete("one");
  await world.clock.advance(10_000);
  assert.deepEqual(world.valuesAt("one"), [0, 2]);
  assert.match(await world.runtime.metrics.text(), /prometheus_agent_corruptions_total\S+ 1/);
});

Deno.test("exemplars and native histograms go where they are wanted", async () => {
  const world = new World(["one", "two"], {
    two: { sendsExemplars: false, sendsNativeHistograms: false },
  });
  await using tenant = await world.open();
  const buckets = { spans: [], deltas: [] };
  const value = {
    schema: 3,
    count: 0,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: buckets,
    negative: buckets,
    isReset: true,
  };
  const exemplars = [{ labels: [["traceID", "1"]] as const, value: 1, timeMs: T0_MS }];
  await world.append(tenant, { ...counter("a", 0, 1), exemplars }, {
    ...counter("native", 0, 1),
    points: [{ timeMs: T0_MS, value }],
  });
  const [one, two] = ["one", "two"].map((name) => world.taken.get(name)!.flat());
  assert.equal(one!.length, 2);
  assert.equal(one![0]!.exemplars.length, 1);
  assert.equal(one![1]!.histograms.length, 1);
  assert.equal(two!.length, 1);
  assert.equal(two![0]!.exemplars.length, 0);
});

Deno.test("what is older than the endpoint wants is left out and counted", async () => {
  const world = new World(["one"], { one: { queue: { ...QUEUE, ageMaxMs: 60_000 } } });
  world.answer.set("one", () => AWAY);
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1));
  await world.clock.advance(120_000);
  world.answer.delete("one");
  await world.append(tenant, counter("a", 120_000, 2));
  await world.clock.advance(10_000);
  await world.settled();
  assert.deepEqual(world.valuesAt("one"), [2]);
  assert.equal(await world.metric("samples_dropped_total"), 1);
});

Deno.test("what delivery counts has the names and labels that Prometheus has", async () => {
  const world = new World(["one"]);
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1));
  const { families } = JSON.parse(Deno.readTextFileSync(EXPOSITION)) as {
    families: { name: string; type: string; labels: Record<string, unknown> }[];
  };
  const ours = new Map(
    (await world.runtime.metrics.registry.getMetricsAsJSON()).map(({ name, type, values }) => {
      const { le: _, ...labels } = values[0]?.labels ?? {};
      return [name, { type: String(type), labels: Object.keys(labels).sort() }];
    }),
  );
  const theirs = families.filter(({ name }) => name.startsWith("prometheus_remote_storage_"));
  const missing: string[] = [];
  for (const { name, type, labels: { le: _, ...labels } } of theirs) {
    const own = ours.get(name);
    if (own === undefined) missing.push(name.slice("prometheus_remote_storage_".length));
    else assert.deepEqual(own, { type, labels: Object.keys(labels).sort() }, name);
  }
  assert.deepEqual(missing.sort(), [
    // Of all remotes of a process, which the agents of tenants share there.
    ...["exemplars_in_total", "histograms_in_total"],
    // Metadata is not sent.
    ...["metadata_bytes_total", "metadata_failed_total", "metadata_retried_total"],
    ...["metadata_total", "samples_in_total", "string_interner_zero_reference_releases_total"],
  ]);
});

Deno.test("a flush ends when everything is acknowledged, or when it takes too long", async () => {
  const world = new World(["one"]);
  await using tenant = await world.open();
  await world.append(tenant, counter("a", 0, 1));
  await tenant.flush(NEVER);
  world.answer.set("one", () => AWAY);
  await world.append(tenant, counter("a", 1, 2));
  const enough = new AbortController();
  const flush = tenant.flush(enough.signal);
  enough.abort();
  await flush;
  assert.deepEqual(world.valuesAt("one"), [1]);
});

const QUEUE: EndpointSettings["queue"] = {
  samplesMax: 2000,
  atOnce: 1,
  backoffMinMs: 30,
  backoffMaxMs: 5_000,
  retriesOn429: false,
  ageMaxMs: 0,
};

class World {
  readonly clock = new SimulatedClock(T0_MS, turns);
  readonly disk = new SimulatedDisk();
  readonly runtime = createRuntime({ clock: this.clock, random: seededRandom(1) });
  readonly delivery: Delivery;
  readonly answer = new Map<string, (series: WrittenSeries[]) => Outcome>();
  readonly taken = new Map<string, WrittenSeries[][]>();
  tries = 0;

  constructor(
    names: string[],
    changes: Record<string, Partial<EndpointSettings>> = {},
    ofLog: Partial<DeliveryLogOptions> = {},
  ) {
    const endpoints = names.map((name): EndpointSettings => ({
      name,
      url: `http://${name}`,
      headers: {},
      auth: undefined,
      tls: undefined,
      timeoutMs: 1_000,
      sendsExemplars: true,
      sendsNativeHistograms: true,
      relabelling: [],
      queue: QUEUE,
      ...changes[name],
    }));
    const options: DeliveryOptions = {
      endpoints,
      segmentBytesMax: 1 << 20,
      segmentAgeMaxMs: 3_600_000,
      keptMinMs: 60_000,
      keptMaxMs: 3_600_000,
      ...ofLog,
    };
    const place = {
      tenants: () => Promise.resolve([]),
      open: () => Promise.resolve(this.disk.mount()),
    };
    this.delivery = new Delivery(
      this.runtime,
      options,
      place,
      () => ({}),
      ({ name }) => this.endpoint(name),
    );
    for (const name of names) this.taken.set(name, []);
  }

  open(): Promise<TenantDelivery> {
    return this.delivery.open("a");
  }

  async append(tenant: TenantDelivery, ...series: SeriesPoints[]): Promise<void> {
    const timeMs = this.clock.now();
    const dated = series.map(({ points, ...rest }) => ({
      ...rest,
      points: points.map((point) => ({ ...point, timeMs: T0_MS + point.timeMs % T0_MS })),
    }));
    await tenant.append({ timeMs, nextOffsets: new Map(), series: dated });
    await this.settled();
  }

  settled(): Promise<void> {
    return this.clock.advance(0);
  }

  namesAt(name: string): string[] {
    return this.taken.get(name)!.flat().map(({ labels }) => labels.__name__!).sort();
  }

  valuesAt(name: string): number[] {
    return this.taken.get(name)!.flat().flatMap(({ samples }) => samples.map(({ value }) => value));
  }

  async metric(name: string): Promise<number> {
    const text = await this.runtime.metrics.text();
    return Number(new RegExp(`^prometheus_remote_storage_${name}{.*} (.*)$`, "m").exec(text)![1]);
  }

  endpoint(name: string): Endpoint {
    return {
      send: (body) => {
        this.tries++;
        const series = writtenSeries(uncompressSync(body as never) as Uint8Array);
        const outcome = this.answer.get(name)?.(series) ?? TAKEN;
        if (outcome.kind === "taken") this.taken.get(name)!.push(series);
        return Promise.resolve(outcome);
      },
      [Symbol.dispose]() {},
    };
  }
}

/** A disk answers over several turns. */
async function turns(): Promise<void> {
  for (let i = 0; i < 400; i++) await Promise.resolve();
  await nextTurn();
}
