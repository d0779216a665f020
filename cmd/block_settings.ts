// What blocks are made of. Three sections of the configuration say it with the same keys, for the peer
// builds blocks in three places; here one builder makes them, and of each key that value counts that
// somebody has set: the block-builder's first, then the live-store's, then that of `storage.trace`.
import type { BlockFormat, DedicatedColumnMeta } from "../model/block_meta.ts";
import {
  columnsOfFormat,
  type DedicatedAttributes,
  dedicatedAttributes,
} from "../model/dedicated_attributes.ts";
import type { Limits } from "../model/limits.ts";
import {
  type BlockOptions,
  SPANS_PER_ROW_GROUP,
  SPANS_PER_ROW_GROUP_IN_BUCKETS,
} from "../storage/mod.ts";
import { columnMeta, type Config, defaultConfig } from "./config/mod.ts";

export interface BlockSettings {
  readonly format: BlockFormat;
  readonly dedicatedColumns: readonly DedicatedColumnMeta[];
}

export function blockSettings(config: Config): BlockSettings {
  return {
    format: valueOf(config, "version"),
    dedicatedColumns: valueOf(config, "parquet_dedicated_columns").map(columnMeta),
  };
}

/** Of all blocks that this process writes: new, merged, redacted or converted. */
export function blockOptions(config: Config): BlockOptions {
  const { block_codec, spans_per_row_group } = config.segno;
  const isLocal = config.storage.trace.backend === "local";
  const auto = isLocal ? SPANS_PER_ROW_GROUP : SPANS_PER_ROW_GROUP_IN_BUCKETS;
  return {
    codec: block_codec,
    spansPerRowGroup: spans_per_row_group === "auto" ? auto : spans_per_row_group,
    // By the peer's estimate; ours are cut by spans before, unless this is small.
    rowGroupBytesMax: valueOf(config, "parquet_row_group_size_bytes"),
    bloom: {
      falsePositiveRate: valueOf(config, "bloom_filter_false_positive"),
      shardBytes: valueOf(config, "bloom_filter_shard_size_bytes"),
    },
  };
}

/** For a tenant with these limits. */
export function dedicatedOf(settings: BlockSettings, { storage }: Limits): DedicatedAttributes {
  const columns = storage.dedicatedColumns ?? settings.dedicatedColumns;
  return dedicatedAttributes(columnsOfFormat(columns, settings.format), settings.format);
}

type BlockConfig = Config["storage"]["trace"]["block"];

function valueOf<K extends keyof BlockConfig>(config: Config, key: K): BlockConfig[K] {
  const { live_store, block_builder, storage } = config;
  const unset = JSON.stringify(defaultConfig().storage.trace.block[key]);
  const sections = [block_builder.block, live_store.block, live_store.block_config];
  const set = sections.find((section) => JSON.stringify(section[key]) !== unset);
  return (set ?? storage.trace.block)[key];
}
