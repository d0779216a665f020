// What the HTTP surface needs from the rest of the process, and how it is set.
import type { SchedulerActor } from "../actors/mod.ts";
import type { LimitsOf } from "../model/limits.ts";
import type { Frontend } from "../query/frontend/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { ObjectStore } from "../storage/mod.ts";
import type { DownscaleApi, RingsApi } from "./ring_options.ts";

export interface BuildInfo {
  /** A version of the peer whose features we have: clients switch features by it. */
  readonly version: string;
  readonly revision: string;
  readonly branch: string;
  readonly buildUser: string;
  readonly buildDate: string;
  /** Named for the peer's field; says what runs us. */
  readonly goVersion: string;
}

export interface ServiceState {
  readonly name: string;
  /** New, Starting, Running, Stopping, Terminated or Failed. */
  readonly state: string;
  /** Why it failed. */
  readonly failure?: string;
}

/** How far a partition's spans are in every answer to what is asked from now on. */
export interface Watermark {
  readonly partition: number;
  readonly nextOffset: number;
  /** Unix milliseconds: what was acknowledged before is in the answer. */
  readonly completeToMs: number;
}

export type ConfigMode = "full" | "diff" | "defaults";

/** Where a tenant has limits from; as written, secrets masked. */
export interface TenantOverrides {
  readonly runtime?: unknown;
  readonly user?: unknown;
}

/** Tenants' limits for people: plain data in the words of the configuration. */
export interface LimitsPages {
  readonly defaults: (mode: ConfigMode) => unknown;
  /** Those that have their own. */
  readonly tenants: () => ReadonlyMap<string, TenantOverrides>;
  /** What is in effect. */
  readonly limits: (tenant: string) => unknown;
  readonly yaml: (value: unknown) => string;
}

/** What a tenant's user has set, and where it is kept. */
export interface UserOverridesApi {
  get(tenant: string, signal: AbortSignal): Promise<StoredOverrides | undefined>;
  /** Undefined if there is none. */
  version(tenant: string, signal: AbortSignal): Promise<string | undefined>;
  /** What is in effect of all that a user may set. */
  merged(tenant: string): unknown;
  /** Rejects with VersionError unless the stored one has that version; undefined: none. */
  set(
    tenant: string,
    body: Uint8Array,
    version: string | undefined,
    isConflictAllowed: boolean,
    signal: AbortSignal,
  ): Promise<StoredOverrides>;
  patch(
    tenant: string,
    body: Uint8Array,
    isConflictAllowed: boolean,
    signal: AbortSignal,
  ): Promise<StoredOverrides>;
  delete(tenant: string, version: string, signal: AbortSignal): Promise<void>;
}

export interface StoredOverrides {
  readonly document: { readonly written: unknown };
  readonly version: string;
}

/** Of a process that answers no queries. */
export interface OpsDeps {
  readonly limits: LimitsOf;
  readonly overrides: LimitsPages;
  /** Absent: `/api/overrides` does not exist. */
  readonly userOverrides?: UserOverridesApi;
  /** Why not ready; empty when ready. */
  readonly readiness: () => readonly string[];
  /** Prometheus text of all threads. */
  readonly metricsText: () => Promise<string>;
  readonly services: () => readonly ServiceState[];
  /** YAML with secrets masked. */
  readonly configText: (mode: ConfigMode) => string;
  readonly buildInfo: BuildInfo;
  /** Absent: answers do not say how far they are complete. */
  readonly watermarks?: () => readonly Watermark[];
  /** Absent: `/flush` and `/shutdown` do not exist. */
  readonly admin?: AdminActions;
  /** Absent: this process has no backend scheduler. */
  readonly backend?: BackendAdmin | undefined;
  /** Absent: this process knows of no rings. */
  readonly rings?: RingsApi | undefined;
  /** Absent: this process is no live-store. */
  readonly downscale?: DownscaleApi | undefined;
}

export interface ApiDeps extends OpsDeps {
  readonly frontend: Frontend;
}

/** The backend scheduler, and where its receipts are. */
export interface BackendAdmin {
  readonly actor: SchedulerActor;
  readonly store: ObjectStore;
}

export interface AdminActions {
  /** Makes everything received durable in blocks. */
  flush(): Promise<void>;
  /** Begins to stop the process; returns at once. */
  shutdown(): void;
}

export interface SearchOptions {
  readonly defaultLimit: number;
  /** 0: no bound. */
  readonly maxLimit: number;
  readonly defaultSpss: number;
  /** 0: no bound. */
  readonly maxSpss: number;
  /** 0: no bound. */
  readonly maxDurationMs: number;
}

export interface MetricsOptions {
  /** 0: no bound. */
  readonly maxDurationMs: number;
  /** 0: no bound. */
  readonly maxIntervals: number;
  readonly maxExemplars: number;
  /** 0: no bound. */
  readonly maxResponseSeries: number;
}

export interface ApiOptions {
  readonly multitenancyEnabled: boolean;
  /** Whether one query may ask several tenants, `a|b`. */
  readonly multiTenantQueriesEnabled: boolean;
  /** "" or "/something", before every `/api` path. */
  readonly httpApiPrefix: string;
  readonly search: SearchOptions;
  readonly metrics: MetricsOptions;
  /** Newest data a query leaves out; 0: nothing. See docs/adr/0003-query-window.md. */
  readonly queryEndCutoffMs: number;
  /** How far an un-ranged query looks back; 0: without bound. */
  readonly queryBackendAfterMs: number;
  readonly maxQueryBytes: number;
  /** Of a message of a streamed answer. */
  readonly streamBytesMax: number;
  /** Whether language models may ask. */
  readonly isMcpEnabled: boolean;
  /** Regular expressions over path and query; a match is refused. */
  readonly urlDenyList: readonly string[];
}

export const defaultApiOptions: ApiOptions = {
  multitenancyEnabled: false,
  multiTenantQueriesEnabled: true,
  httpApiPrefix: "",
  search: {
    defaultLimit: 20,
    maxLimit: 262_144,
    defaultSpss: 3,
    maxSpss: 100,
    maxDurationMs: 168 * 3_600_000,
  },
  metrics: {
    maxDurationMs: 24 * 3_600_000,
    maxIntervals: 10_000,
    maxExemplars: 100,
    maxResponseSeries: 0,
  },
  queryEndCutoffMs: 0,
  queryBackendAfterMs: 0,
  maxQueryBytes: 131_072,
  streamBytesMax: 1 << 20,
  isMcpEnabled: false,
  urlDenyList: [],
};

/** What the routes of every process are made of. */
export interface OpsContext {
  readonly runtime: Runtime;
  readonly deps: OpsDeps;
  readonly options: ApiOptions;
}

/** What every group of routes for queries is made of. */
export interface ApiContext extends OpsContext {
  readonly deps: ApiDeps;
}
