// What partitions must know of tenants' limits, as plain data that crosses threads. A worker holds a
// copy and is sent another when limits change.
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { FoldLimits } from "../live_store/fold.ts";

export interface TenantHostLimits {
  /** 0: no limit. */
  readonly bytesPerTraceMax: number;
  /** What has a column of its own in the tenant's blocks. */
  readonly dedicated: DedicatedAttributes;
}

export interface HostLimits {
  /** Of tenants that are not named. */
  readonly rest: TenantHostLimits;
  readonly named: ReadonlyMap<string, TenantHostLimits>;
}

/** Where limits come from; `onChange` returns what ends it. */
export interface HostLimitsSource {
  current(): HostLimits;
  onChange(listener: () => void): () => void;
}

/** As the fold asks for them. */
export function foldLimits(current: () => HostLimits): FoldLimits {
  const of = (tenant: string) => {
    const { named, rest } = current();
    return named.get(tenant) ?? rest;
  };
  return {
    bytesPerTraceMax: (tenant) => of(tenant).bytesPerTraceMax,
    dedicatedOf: (tenant) => of(tenant).dedicated,
  };
}
