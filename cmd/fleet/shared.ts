// What all targets of one process share: the topic, the rings, the bucket.
import { invariant } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { LimitsOf } from "../../model/limits.ts";
import { type ObjectStore, openStore } from "../../storage/mod.ts";
import type { KafkaLog, KafkaSettings } from "../../wal/kafka/mod.ts";
import { componentsOf } from "../components.ts";
import { type Config, grpcAddress, type Target } from "../config/mod.ts";
import { openRings, type Rings, systemSurroundings } from "../rings.ts";
import { storeConfig } from "../store_config.ts";
import type { WriteGround } from "../write_path.ts";
import { kafkaSettings } from "./kafka_settings.ts";

export class Shared {
  constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly rings: Rings,
    readonly settings: KafkaSettings,
    /** Undefined where no target has to do with spans on their way. */
    readonly topic: KafkaLog | undefined,
    /** Ends every wait for a server that is away. */
    readonly stopping: AbortSignal,
  ) {}

  get kafka(): KafkaLog {
    invariant(
      this.topic !== undefined,
      "FP-1: who has to do with spans on their way has the topic",
    );
    return this.topic;
  }

  openBucket(): Promise<ObjectStore> {
    return openStore(storeConfig(this.config), this.runtime);
  }

  writeGround(limits: LimitsOf): WriteGround {
    const { rings } = this;
    return {
      log: this.kafka,
      ring: () => rings.view.ring(),
      limits,
      distributorCount: () => rings.distributorCount,
    };
  }
}

/** Waits for the topic until the signal aborts. */
export async function openShared(
  runtime: Runtime,
  config: Config,
  targets: readonly Target[],
  stack: AsyncDisposableStack,
  stopping: AbortSignal,
): Promise<Shared> {
  const surroundings = systemSurroundings();
  const settings = kafkaSettings(config, `segno-${surroundings.hostname}`, surroundings.readFile);
  const { distributor, liveStore, blockBuilder, generator } = componentsOf(targets);
  let topic: KafkaLog | undefined;
  if (distributor || liveStore || blockBuilder || generator) {
    // Loaded where it is needed: the client is large.
    const { openTopic } = await import("../../wal/kafka/mod.ts");
    topic = stack.use(await openTopic(runtime, settings, stopping));
  }
  const grpcPort = grpcAddress(config).port;
  const rings = await openRings(runtime, config, { targets, grpcPort, ...surroundings }, stack);
  return new Shared(runtime, config, rings, settings, topic, stopping);
}
