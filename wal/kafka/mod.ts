// The door of the Kafka log; apart from wal/mod.ts, so that a process without Kafka does not load it.
export { KafkaLog } from "./kafka_log.ts";
export { GroupMember, type GroupMemberOptions } from "./group_member.ts";
export type { KafkaCompression, KafkaLogOptions, KafkaSasl, KafkaTls } from "./kafka_options.ts";
export {
  kafkaOptions,
  type KafkaSaslSettings,
  type KafkaSettings,
  type KafkaTokenSource,
} from "./kafka_settings.ts";
export { openTopic } from "./open_topic.ts";
