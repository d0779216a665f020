// A topic as the log of a process or a thread: one that cannot be reached when it starts is waited for.
import type { Runtime } from "../../lib/runtime.ts";
import { untilAvailable } from "../../lib/until_available.ts";
import { KafkaLog } from "./kafka_log.ts";
import { kafkaOptions, type KafkaSettings } from "./kafka_settings.ts";

/** Rejects with the signal's reason, or InputError where the topic is not to be had. */
export async function openTopic(
  runtime: Runtime,
  settings: KafkaSettings,
  signal: AbortSignal,
): Promise<KafkaLog> {
  return await untilAvailable(
    runtime.clock,
    signal,
    () => KafkaLog.open(runtime, kafkaOptions(settings)),
    ({ message }) => runtime.log.warn("kafka cannot be reached", { error: message }),
  );
}
