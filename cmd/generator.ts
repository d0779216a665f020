// The metrics-generator of a process, on whatever log it is given: tenants' settings, their disks, the endpoints.
import { Delivery, type DeliveryPlace, Generator, type GeneratorSource } from "../generator/mod.ts";
import { OsDirectory } from "../lib/fs.ts";
import type { MetricsSnapshot } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { SINGLE_TENANT } from "../model/limits.ts";
import type { Config } from "./config/mod.ts";
import { GeneratorSettingsOf } from "./generator_settings.ts";
import type { Overrides } from "./overrides/overrides.ts";
import { remoteWriteEndpoints } from "./remote_write.ts";
import { TenantGeneratorMetrics } from "./tenant_generator_metrics.ts";

/** Decoding one read is one uninterrupted turn of the thread. */
const READ_BYTES_MAX = 1 << 20;
const READ_WAIT_MS = 500;
const TENANT_HEADER = "X-Scope-OrgID";

export interface RunningGenerator extends AsyncDisposable {
  /** Why it may not be sent traffic, in the words of `/ready`. */
  readonly unready: string | undefined;
  /** Rejects when it gave up; resolves when it has ended, which `drain` asks for. */
  readonly done: Promise<void>;
  /** Collects, commits and delivers what it has, and ends. */
  drain(): void;
  /** Brings those of this thread up to date, and tells those of others. */
  metrics(): Promise<MetricsSnapshot[]>;
}

export interface GeneratorGround {
  /** On all series, and who it is in its group. */
  readonly instance: string;
  readonly overrides: Overrides;
  readonly source: GeneratorSource;
  readonly readFile: (path: string) => string;
}

export function openGenerator(
  runtime: Runtime,
  config: Config,
  { instance, overrides, source, readFile }: GeneratorGround,
): RunningGenerator {
  const { metrics_generator: keys } = config;
  const { storage } = keys;
  const settings = new GeneratorSettingsOf(runtime.log.getChild("generator"), {
    config,
    instance,
    valuesOf: (tenant) => overrides.of(tenant).values,
  });
  const delivery = new Delivery(
    runtime,
    {
      endpoints: remoteWriteEndpoints(config, readFile),
      segmentBytesMax: storage.wal.wal_segment_size,
      segmentAgeMaxMs: storage.wal.truncate_frequency,
      keptMinMs: storage.wal.min_wal_time,
      keptMaxMs: storage.wal.max_wal_time,
    },
    deliveryPlace(storage.path),
    (tenant) => ({
      ...storage.remote_write_add_org_id_header && tenant !== SINGLE_TENANT
        ? { [TENANT_HEADER]: tenant }
        : {},
      ...overrides.of(tenant).values.metrics_generator.remote_write_headers,
    }),
  );
  const generator = new Generator(
    runtime,
    source,
    {
      settingsOf: (tenant) => {
        const made = settings.of(tenant, runtime.clock.now());
        return made.processors.length > 0 ? made : undefined;
      },
    },
    delivery,
    {
      readsAtOnce: keys.ingest_concurrency,
      readBytesMax: READ_BYTES_MAX,
      readWaitMs: READ_WAIT_MS,
      flushMs: storage.remote_write_flush_deadline,
    },
  );
  const metrics = new TenantGeneratorMetrics(runtime.metrics);
  const stop = new AbortController();
  const done = generator.run(stop.signal);
  done.catch(() => {}); // whoever awaits it hears of it
  return {
    get unready() {
      const reason = generator.unready;
      return reason === undefined ? undefined : `Generator not ready: ${reason}`;
    },
    done,
    drain: () => stop.abort(),
    metrics: () => {
      for (const [tenant, maker] of generator.tenants.makers()) metrics.tell(tenant, maker.stats());
      return Promise.resolve([]);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => {});
      delivery[Symbol.dispose]();
    },
  };
}

/** `<path>/<tenant>/wal`. */
function deliveryPlace(path: string): DeliveryPlace {
  return {
    async tenants() {
      const found: string[] = [];
      try {
        for await (const { name } of Deno.readDir(path)) {
          const tenant = tenantOfFolder(name);
          if (tenant !== undefined && await isFolder(`${path}/${name}/wal`)) found.push(tenant);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return found.sort();
    },
    open: (tenant) => OsDirectory.open(`${path}/${folderOfTenant(tenant)}/wal`),
  };
}

const NAMELESS = "%";

/** A tenant's own name where the receivers let it in; but who writes to a topic may call tenants anything. */
export function folderOfTenant(tenant: string): string {
  if (tenant === "") return NAMELESS;
  return /^\.+$/.test(tenant) ? "%2E".repeat(tenant.length) : encodeURIComponent(tenant);
}

/** Undefined for a folder of nobody's. */
export function tenantOfFolder(name: string): string | undefined {
  if (name === NAMELESS) return "";
  try {
    const tenant = decodeURIComponent(name);
    return folderOfTenant(tenant) === name ? tenant : undefined;
  } catch {
    return undefined;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await Deno.stat(path).catch(() => undefined);
  return found?.isDirectory === true;
}
