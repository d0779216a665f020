// The whole configuration as one strict schema. Keys and defaults are the peer's, so that a file
// written for it loads; `segno` is ours.
// Rule: a key that is not here is an error with its path, never ignored.
import { z } from "zod";

import { duration, flag, ratio, section, text } from "./keys.ts";
import {
  backendScheduler,
  backendSchedulerClient,
  backendWorker,
  usageReport,
} from "./sections/backend.ts";
import { cache } from "./sections/cache.ts";
import { distributor } from "./sections/distributor.ts";
import { metricsGenerator, metricsGeneratorClient } from "./sections/generator.ts";
import { ingest } from "./sections/ingest.ts";
import { blockBuilder, liveStore, liveStoreClient } from "./sections/live_store.ts";
import { overrides } from "./sections/overrides.ts";
import { querier, queryFrontend } from "./sections/query.ts";
import { memberlist } from "./sections/ring.ts";
import { segno } from "./sections/segno.ts";
import { internalServer, server } from "./sections/server.ts";
import { storage } from "./sections/storage.ts";

export const ConfigSchema = z.strictObject({
  target: text("all").describe("components of this process, with commas between"),
  multitenancy_enabled: flag().describe("the tenant is X-Scope-OrgID, and required"),
  auth_enabled: flag().describe("deprecated name of multitenancy_enabled"),
  http_api_prefix: text(),
  stream_over_http_enabled: flag(),
  shutdown_delay: duration("0s").describe("between SIGTERM, when /ready says 503, and the stop"),
  span_profiling: flag(),
  memory: section({ automemlimit_enabled: flag(), automemlimit_ratio: ratio(0.8) }),
  segno,
  server,
  internal_server: internalServer,
  distributor,
  ingest,
  live_store: liveStore,
  live_store_client: liveStoreClient,
  block_builder: blockBuilder,
  metrics_generator: metricsGenerator,
  metrics_generator_client: metricsGeneratorClient,
  query_frontend: queryFrontend,
  querier,
  backend_scheduler: backendScheduler,
  backend_scheduler_client: backendSchedulerClient,
  backend_worker: backendWorker,
  storage,
  cache,
  overrides,
  memberlist,
  usage_report: usageReport,
});

/** Durations are milliseconds, sizes bytes; the names of keys are those of the file. */
export type Config = z.output<typeof ConfigSchema>;

export function defaultConfig(): Config {
  return ConfigSchema.parse({});
}
