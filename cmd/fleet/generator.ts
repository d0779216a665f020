// A metrics-generator of a fleet: a member of the consumer group of all of them, on the topic.
import { GENERATOR_GROUP } from "../../generator/mod.ts";
import { InputError } from "../../lib/errors.ts";
import { GroupMember, kafkaOptions } from "../../wal/kafka/mod.ts";
import type { TimedLogReader } from "../../wal/mod.ts";
import { type GeneratorGround, openGenerator, type RunningGenerator } from "../generator.ts";
import type { Overrides } from "../overrides/overrides.ts";
import { generatorInstance } from "../rings.ts";
import type { Shared } from "./shared.ts";

/**
 * Spans that are older than 30 s make no metrics, so who dies has to be replaced before; who starts again has to be
 * back before that.
 */
const SESSION_MS = 20_000;
const HEARTBEAT_MS = 2_000;
/** For the slowest of the others to collect what it has. */
const REBALANCE_MS = 60_000;

export function openFleetGenerator(
  { runtime, config, rings, settings, kafka }: Shared,
  overrides: Overrides,
  readFile: GeneratorGround["readFile"],
): RunningGenerator {
  const { metrics_generator: keys } = config;
  if (keys.storage.path === "") {
    throw new InputError(
      "failed_precondition",
      "metrics_generator.storage.path: is empty, and what is collected has to be kept somewhere",
    );
  }
  const instance = generatorInstance(config, rings.process.hostname);
  const { clock } = runtime;
  const slackMs = keys.metrics_ingestion_time_range_slack;
  const share = new GroupMember(runtime, kafkaOptions(settings), {
    group: GENERATOR_GROUP,
    instance,
    sessionMs: SESSION_MS,
    rebalanceMs: REBALANCE_MS,
    heartbeatMs: HEARTBEAT_MS,
    leavesAtEnd: keys.leave_consumer_group_on_shutdown,
    livePartitions: () => rings.view.ring().readable().map(({ id }) => id),
  });
  return openGenerator(runtime, config, {
    instance,
    overrides,
    readFile,
    source: {
      log: kafka,
      share,
      endOf: (partition) => kafka.endOffset(partition),
      startOf: (partition) =>
        fleetStart(kafka, partition, clock.now() - slackMs, keys.skip_stale_backlog_on_startup),
    },
  });
}

/** `staleMs`: of records from before there is nothing that metrics would be made of. */
export async function fleetStart(
  log: Pick<TimedLogReader, "committedOffset" | "offsetOfTime">,
  partition: number,
  staleMs: number,
  skipsStale: boolean,
): Promise<number> {
  const committed = await log.committedOffset(GENERATOR_GROUP, partition);
  if (committed !== undefined && !skipsStale) return committed;
  return Math.max(committed ?? 0, await log.offsetOfTime(partition, staleMs));
}
