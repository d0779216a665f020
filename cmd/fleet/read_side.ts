// The read side of a process of a fleet: a frontend, a querier, both, or neither. A querier takes its jobs from
// frontends; one beside a frontend takes that one's, over loopback, so that there is one way for all.
import type { Watermark } from "../../actors/mod.ts";
import type { GrpcMethods } from "../../lib/grpc_server.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { Frontend } from "../../query/frontend/mod.ts";
import { systemResolver } from "../../ring/mod.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import type { Components } from "../components.ts";
import { type Config, grpcAddress } from "../config/mod.ts";
import { openQuerier, openRemoteFrontend } from "../remote_queries.ts";
import type { Readiness } from "../readiness.ts";
import type { Shared } from "./shared.ts";

export interface ReadSide {
  /** Undefined where there is no frontend. */
  readonly frontend: Frontend | undefined;
  readonly store: ObjectStore | undefined;
  watermarks(): readonly Watermark[];
  metrics(): Promise<MetricsSnapshot[]>;
  /** By which queriers come. */
  readonly methods: GrpcMethods;
  /** Queriers finish what they have, and go. */
  stop(): Promise<void>;
}

export async function openReadSide(
  { runtime, config, rings, stopping }: Shared,
  components: Components,
  cores: number,
  readiness: Readiness,
  stack: AsyncDisposableStack,
): Promise<ReadSide> {
  const frontend = components.frontend
    ? stack.use(await openRemoteFrontend(runtime, config, cores, rings.view, stopping))
    : undefined;
  const querier = components.querier
    ? stack.use(
      await openQuerier(runtime, withFrontend(config, components), cores, systemResolver),
    )
    : undefined;
  if (frontend !== undefined) readiness.also(() => frontend.readiness()[0]);
  if (querier !== undefined) readiness.also(() => querier.readiness()[0]);
  return {
    frontend: frontend?.frontend,
    store: frontend?.store,
    watermarks: () => frontend?.watermarks() ?? [],
    metrics: async () => [
      ...await frontend?.metrics() ?? [],
      ...await querier?.metrics() ?? [],
    ],
    methods: frontend?.methods ?? {},
    stop: async () => await frontend?.stopQueriers(),
  };
}

function withFrontend(config: Config, { frontend }: Components): Config {
  const { frontend_worker: worker } = config.querier;
  if (!frontend || worker.frontend_address !== "") return config;
  const frontend_address = `127.0.0.1:${grpcAddress(config).port}`;
  return {
    ...config,
    querier: { ...config.querier, frontend_worker: { ...worker, frontend_address } },
  };
}
