// The rings of a process: it joins those of its targets, and knows all of them.
//
// For whoever starts a process:
//   const rings = await openRings(runtime, config, { targets, grpcPort, ...systemSurroundings() }, stack);
//   rings.view.ring()               the PartitionRing of now, for RingRouter
//   rings.view.owners()             per partition whom a query may ask, own zone first, only healthy ones
//   rings.liveStores.judge()        instances with address, zone and health; .distributors, .generators too
//   rings.distributorCount          healthy distributors, for the global rate strategy
//   rings.partition                 the partition of this live-store, undefined for other processes
//   rings.activate()                when gRPC listens and the process may be asked: JOINING becomes ACTIVE
//   await rings.leave()             at the beginning of a stop: LEAVING, and told to others
//   ringPages(rings, config)        `rings` of ApiDeps and OpsDeps: the pages and their POSTs
//   downscaleOf(rings, isRunning)   `downscale` of these: /live-store/prepare-…; rings/ring_pages.ts
// The stack stops it: entries are removed, that is told to others, and the gossip ends. Open it after the
// port of gRPC is known, and before what asks it, so that it closes later.
// `target: all` and `kvstore.store: inmemory` know themselves alone and open no port; on an embedded log
// `partitions` says how many there are, and all are Active at once.
import { type Directory, OsDirectory } from "../lib/fs.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import {
  Downscale,
  InstanceLifecycler,
  isCutOff,
  LIVE_STORE_RING,
  MEMBERS_RING,
  PartitionLifecycler,
  partitionOfInstance,
  ReplicatedMap,
  RingHealth,
  RingMetrics,
  RingView,
  SpreadTokens,
  systemResolver,
  writeEmbeddedPartitions,
} from "../ring/mod.ts";
import type { Config, Target } from "./config/mod.ts";
import { instanceAddress } from "./rings/addresses.ts";
import {
  joinCluster,
  type OpenGossip,
  openGossip,
  type Surroundings,
} from "./rings/open_gossip.ts";
import { healthOptions, isAlone, membershipsOf } from "./rings/ring_options.ts";

/** Whose rings they are, and where. */
export interface RingProcess extends Surroundings {
  readonly targets: readonly Target[];
  /** Where others call this process. */
  readonly grpcPort: number;
  readonly openDirectory: (path: string) => Promise<Directory>;
  /** Of an embedded log, all of them this process's; left out where they are found in the ring. */
  readonly partitions?: number;
}

export function systemSurroundings(): Omit<RingProcess, "targets" | "grpcPort"> {
  return {
    hostname: Deno.hostname(),
    interfaces: Deno.networkInterfaces(),
    resolver: systemResolver,
    readFile: (path) => Deno.readTextFileSync(path),
    openDirectory: (path) => OsDirectory.open(path),
  };
}

/** Rejects with InputError for what cannot be as configured, UnavailableError if nobody is there to join. */
export async function openRings(
  runtime: Runtime,
  config: Config,
  process: RingProcess,
  stack: AsyncDisposableStack,
): Promise<Rings> {
  const map = new ReplicatedMap();
  const gossip = isAlone(config, process.targets) || process.partitions !== undefined
    ? undefined
    : await openGossip(runtime, config, process, map);
  if (gossip !== undefined) stack.use(gossip); // ends after the rings, which have to say farewell
  const rings = stack.use(new Rings(runtime, config, process, map, gossip));
  await rings.join();
  return rings;
}

/** After so many exchanges without an answer a process that stops is missed instead. */
const FAREWELLS_MAX = 3;

export class Rings implements AsyncDisposable {
  readonly view: RingView;
  readonly liveStores: RingHealth;
  readonly distributors: RingHealth;
  readonly generators: RingHealth;
  readonly members: RingHealth;
  readonly partition: number | undefined;
  readonly #instances: InstanceLifecycler[] = [];
  readonly #lifecycler: PartitionLifecycler | undefined;
  readonly #metrics: RingMetrics;
  readonly #lives = new AbortController();
  readonly #talk = new AbortController();
  readonly #living: Promise<void>[] = [];
  #talking: Promise<void> = Promise.resolve();
  #downscale: Downscale | undefined;
  #distributorCount = 1;
  #isLeaving = false;

  constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly process: RingProcess,
    readonly map: ReplicatedMap,
    readonly gossip: OpenGossip | undefined,
  ) {
    const { distributor: { ring: distributors }, live_store, metrics_generator } = config;
    const judge = (ring: string, timeoutMs: number) =>
      new RingHealth(runtime.clock, map, healthOptions(ring, timeoutMs));
    this.liveStores = judge(LIVE_STORE_RING, live_store.ring.heartbeat_timeout);
    this.distributors = judge("distributor", distributors.heartbeat_timeout);
    const { ring: generators, override_ring_key: generatorRing } = metrics_generator;
    this.generators = judge(generatorRing, generators.heartbeat_timeout);
    this.members = judge(MEMBERS_RING, live_store.ring.heartbeat_timeout);
    this.view = new RingView(map, new SpreadTokens(), this.liveStores, zoneOf(live_store.ring));
    this.#metrics = new RingMetrics(runtime.metrics);

    const { distributor, liveStore, generator } = membershipsOf(process.targets);
    if (distributor) this.#enter("distributor", distributors, "distributor.ring");
    if (generator) {
      const instance_id = generatorInstance(config, process.hostname);
      this.#enter(generatorRing, { ...generators, instance_id }, "metrics_generator.ring");
    }
    if (liveStore) {
      const { options: { id } } = this.#enter(LIVE_STORE_RING, live_store.ring, "live_store.ring");
      if (process.partitions === undefined) {
        this.partition = process.targets.includes("all") ? 0 : partitionOfInstance(id);
        this.#lifecycler = this.#partitionLifecycler(id, this.partition);
      }
    }
    const owner = live_store.ring.instance_id || process.hostname;
    writeEmbeddedPartitions(map, owner, process.partitions ?? 0, runtime.clock.now());
    // Whom nobody asks is still to be found, for the gossip goes through everybody.
    if (gossip !== undefined && this.#instances.length === 0) this.#enterAsMember(gossip);
  }

  get gossipPort(): number | undefined {
    return this.gossip?.listener.port;
  }

  get downscale(): Downscale | undefined {
    return this.#downscale;
  }

  get distributorCount(): number {
    return this.#distributorCount;
  }

  /** Called once: begins to live, and tells others. */
  async join(): Promise<void> {
    const { clock } = this.runtime;
    const { live_store } = this.config;
    for (const instance of this.#instances) {
      instance.beat();
      this.#living.push(instance.run(this.#lives.signal));
    }
    if (this.gossip !== undefined) {
      const { gossip } = this.gossip;
      await joinCluster(this.runtime, this.config, gossip);
      this.#talking = gossip.run(this.#talk.signal);
    }
    if (this.#lifecycler !== undefined) {
      const lifecycler = this.#lifecycler;
      // Who is alone has nobody to leave its partition to.
      if (this.gossip !== undefined) {
        const markers = await this.process.openDirectory(live_store.shutdown_marker_dir);
        const { remove_owner_on_shutdown: removesOwner } = live_store;
        this.#downscale = await Downscale.open(clock, this.map, lifecycler, markers, removesOwner);
      }
      this.#living.push(lifecycler.run(this.#lives.signal));
    }
    this.#living.push(this.#watch(this.#lives.signal));
  }

  activate(): void {
    if (this.#isLeaving) return;
    for (const instance of this.#instances) instance.activate();
    this.look();
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    for (const instance of this.#instances) instance.leave();
    await this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    this.#lives.abort();
    await Promise.all(this.#living);
    await this.#tell();
    if (this.#lifecycler?.createsPartition === false) await this.#downscale?.finish();
    this.#talk.abort();
    await this.#talking;
  }

  #enter(ring: string, keys: RingKeys, path: string): InstanceLifecycler {
    const { hostname, interfaces, grpcPort } = this.process;
    return this.#add({
      ring,
      id: keys.instance_id || hostname,
      address: instanceAddress(keys, path, interfaces, grpcPort),
      zone: zoneOf(keys),
      gossip: this.gossip?.gossip.options.address ?? "",
      heartbeatMs: keys.heartbeat_period,
    });
  }

  #enterAsMember({ nodeName, gossip: { options } }: OpenGossip): void {
    const { ring } = this.config.live_store;
    const { interfaces, grpcPort } = this.process;
    this.#add({
      ring: MEMBERS_RING,
      id: nodeName,
      address: instanceAddress(ring, "live_store.ring", interfaces, grpcPort),
      zone: zoneOf(ring),
      gossip: options.address,
      heartbeatMs: ring.heartbeat_period,
    });
  }

  #add(options: InstanceLifecycler["options"]): InstanceLifecycler {
    const instance = new InstanceLifecycler(this.runtime, this.map, options);
    this.#instances.push(instance);
    return instance;
  }

  #partitionLifecycler(instance: string, partition: number): PartitionLifecycler {
    const { partition_ring: keys, ring } = this.config.live_store;
    return new PartitionLifecycler(this.runtime, this.map, {
      instance,
      partition,
      pollMs: ring.heartbeat_period,
      ownersMin: keys.min_partition_owners_count,
      ownersMinMs: keys.min_partition_owners_duration,
      deleteInactiveAfterMs: keys.delete_inactive_partition_after,
    });
  }

  /** Judges everybody again and again, and removes the dead; until the signal aborts. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { distributor, live_store, metrics_generator } = this.config;
    const everyMs = Math.min(
      distributor.ring.heartbeat_period,
      live_store.ring.heartbeat_period,
      metrics_generator.ring.heartbeat_period,
    );
    while (!signal.aborted) {
      try {
        this.look();
      } catch (error) {
        this.runtime.log.error("the rings were not looked after", { error });
      }
      await sleep(this.runtime.clock, everyMs, signal);
    }
  }

  /** One time of it. */
  look(): void {
    const rings = [this.liveStores, this.distributors, this.generators, this.members];
    // Of all rings together: most of a small one may have died, and not most of all.
    const isAlone = isCutOff(rings.flatMap((health) => health.judge()));
    for (const health of rings) {
      const { ring } = health.options;
      for (const id of health.forgetDead(isAlone)) {
        this.runtime.log.warn("an instance that was silent for long is removed", { ring, id });
      }
      this.#metrics.observeInstances(ring, health.judge());
    }
    this.#metrics.observePartitions(this.view.partitions);
    this.#metrics.observeMap(this.map, isAlone);
    const healthy = this.distributors.judge()
      .filter(({ isHealthy, state }) => isHealthy && state === "ACTIVE");
    this.#distributorCount = Math.max(1, healthy.length);
  }

  /** What has changed, at once, to anybody. */
  async #tell(): Promise<void> {
    if (this.gossip === undefined) return;
    const { gossip } = this.gossip;
    const enough = new AbortController();
    const { clock } = this.runtime;
    const timer = clock.setTimeout(() => enough.abort(), this.config.memberlist.leave_timeout);
    for (let i = 0; i < FAREWELLS_MAX && gossip.memberCount > 1; i++) {
      if (enough.signal.aborted || await gossip.round(enough.signal) > 0) break;
    }
    clock.clearTimeout(timer);
  }
}

/** Who a metrics-generator is, in its ring, its group and on its series. */
export function generatorInstance({ metrics_generator }: Config, hostname: string): string {
  return metrics_generator.ring.instance_id || metrics_generator.instance_id || hostname;
}

type RingKeys = Config["live_store"]["ring"];

function zoneOf(keys: RingKeys): string {
  return keys.instance_zone || keys.instance_availability_zone;
}
