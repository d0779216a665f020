// What a tenant may do, as plain data. Names follow the `overrides` section of the configuration;
// 0 means no limit unless said otherwise.

import type { DedicatedColumnMeta } from "./block_meta.ts";

export interface Limits {
  readonly ingestion: {
    readonly rateStrategy: "local" | "global";
    /** Bytes of OTLP protobuf per second. */
    readonly rateLimitBytes: number;
    /** 0: as the rate. */
    readonly burstSizeBytes: number;
    readonly maxTracesPerUser: number;
    readonly tenantShardSize: number;
    /** 0: the distributor's own value. */
    readonly maxAttributeBytes: number;
    readonly retryInfoEnabled: boolean;
    readonly artificialDelayMs: number;
  };
  readonly global: { readonly maxBytesPerTrace: number };
  /** What has a column of its own in blocks; undefined: what the process says of all blocks. */
  readonly storage: { readonly dedicatedColumns: readonly DedicatedColumnMeta[] | undefined };
  readonly read: {
    readonly maxBytesPerTagValuesQuery: number;
    /** 0: that of all tenants, here and below. */
    readonly maxSearchDurationMs: number;
    readonly maxMetricsDurationMs: number;
    readonly leftPadTraceIds: boolean;
    /** Of blocks, that one query may read. */
    readonly maxBytesPerQuery: number;
  };
  readonly compaction: {
    /** 0: that of all tenants, here and below. */
    readonly blockRetentionMs: number;
    readonly windowMs: number;
    /** Then blocks are neither merged nor deleted. */
    readonly isDisabled: boolean;
  };
}

export const defaultLimits: Limits = {
  ingestion: {
    rateStrategy: "local",
    rateLimitBytes: 30_000_000,
    burstSizeBytes: 30_000_000,
    maxTracesPerUser: 10_000,
    tenantShardSize: 0,
    maxAttributeBytes: 0,
    retryInfoEnabled: true,
    artificialDelayMs: 0,
  },
  global: { maxBytesPerTrace: 5_000_000 },
  storage: { dedicatedColumns: undefined },
  read: {
    maxBytesPerTagValuesQuery: 1_000_000,
    maxSearchDurationMs: 0,
    maxMetricsDurationMs: 0,
    leftPadTraceIds: false,
    maxBytesPerQuery: 0,
  },
  compaction: { blockRetentionMs: 0, windowMs: 0, isDisabled: false },
};

/** Limits by tenant; asked again each time, so that a reload takes effect. */
export type LimitsOf = (tenant: string) => Limits;

/** The tenant of every request when multi-tenancy is off. */
export const SINGLE_TENANT = "single-tenant";
