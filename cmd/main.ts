// The program: reads its configuration, runs its targets, and stops when it is told to.
// Exit codes: 0 stopped when asked, 1 what it was told makes no sense or a component gave up.
import { systemClock } from "../lib/clock.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import { configureLogSinks } from "../lib/log_sinks.ts";
import { createRuntime, type Runtime } from "../lib/runtime.ts";
import { API_VERSION, SEGNO_VERSION } from "./build_info.ts";
import { type Config, expandEnv, loadConfig, type Loaded } from "./config/mod.ts";
import { BackendProcess } from "./backend_process.ts";
import { kindOf } from "./components.ts";
import { FleetProcess } from "./fleet/fleet_process.ts";
import { parseRuntimeFile } from "./overrides/runtime_file.ts";
import type { RuntimeFileSource } from "./overrides/runtime_poller.ts";
import { Process } from "./process.ts";
import { storeConfig, userOverridesStoreConfig } from "./store_config.ts";
import { checkTls } from "./tls.ts";

const PROCESSES = { embedded: Process, backend: BackendProcess, fleet: FleetProcess } as const;
const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];

async function main(args: readonly string[]): Promise<number> {
  let loaded: Loaded;
  let runtimeFile: RuntimeFileSource | undefined;
  try {
    const env = Deno.env.toObject();
    loaded = loadConfig({ args, env, readFile: (path) => Deno.readTextFileSync(path) });
    storeConfig(loaded.config); // refuses, by its key, what this version cannot do
    checkTls(loaded.config);
    await checkRemoteWrites(loaded.config);
    if (loaded.config.overrides.user_configurable_overrides.enabled) {
      userOverridesStoreConfig(loaded.config);
    }
    runtimeFile = runtimeFileSource(loaded, env);
    if (loaded.flags.verify) await checkRuntimeFile(runtimeFile);
  } catch (error) {
    return refused(error);
  }
  const { config, flags, warnings } = loaded;
  if (flags.version) return say(`segno ${SEGNO_VERSION}, speaks the API of ${API_VERSION}`);
  if (flags.health) return await askHealth(flags.healthUrl);
  if (flags.verify) {
    warnings.forEach((warning) => say(`warning: ${warning}`));
    return warnings.length > 0 ? 1 : say("configuration is valid");
  }
  await configureLogSinks({ level: config.server.log_level, format: config.server.log_format });
  const runtime = createRuntime({ clock: systemClock });
  for (const warning of warnings) runtime.log.warn("configuration", { warning });
  return await run(runtime, loaded, runtimeFile);
}

async function run(
  runtime: Runtime,
  { config, targets }: Loaded,
  runtimeFile: RuntimeFileSource | undefined,
): Promise<number> {
  const signalled = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const onSignal = () => {
    stopping.abort();
    signalled.resolve();
  };
  STOP_SIGNALS.forEach((signal) => Deno.addSignalListener(signal, onSignal));
  let process: Process | BackendProcess | FleetProcess;
  try {
    const kind = PROCESSES[kindOf(targets, config.ingest.kafka.topic)];
    const cores = navigator.hardwareConcurrency;
    process = await kind.start(runtime, config, targets, cores, runtimeFile, stopping.signal);
  } catch (error) {
    return stopping.signal.aborted ? 0 : refused(error); // it may have waited for a server
  }
  try {
    await Promise.race([signalled.promise, process.ended]);
    runtime.log.info("stopping");
    await process.stop();
    return 0;
  } catch (error) {
    runtime.log.fatal("a component gave up", { error });
    await process.stop();
    return 1;
  }
}

/** The file of tenants' limits, read as the configuration's own file is. */
function runtimeFileSource(
  { config, flags }: Loaded,
  env: Readonly<Record<string, string>>,
): RuntimeFileSource | undefined {
  const { enable_legacy_overrides, per_tenant_override_config: path } = config.overrides;
  if (path === "") return undefined;
  return {
    path,
    isLegacyAllowed: enable_legacy_overrides,
    read: async () => {
      const text = await Deno.readTextFile(path);
      return flags.expandEnv ? expandEnv(text, env) : text;
    },
  };
}

/** For `-config.verify`: throws what would keep the process from starting. */
/** What they are made of is loaded only where there are some. */
async function checkRemoteWrites(config: Config): Promise<void> {
  if (config.metrics_generator.storage.remote_write.length === 0) return;
  const { remoteWriteEndpoints } = await import("./remote_write.ts");
  remoteWriteEndpoints(config, (path) => Deno.readTextFileSync(path));
}

async function checkRuntimeFile(source: RuntimeFileSource | undefined): Promise<void> {
  if (source === undefined) return;
  parseRuntimeFile(source.path, await source.read(), source.isLegacyAllowed);
}

/** What the caller can mend is told in a line; anything else with its stack. */
function refused(error: unknown): number {
  const text = error instanceof InputError || error instanceof UnavailableError
    ? error.message
    : error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  Deno.stderr.writeSync(new TextEncoder().encode(`segno: ${text}\n`));
  return 1;
}

function say(text: string): number {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  return 0;
}

async function askHealth(url: string): Promise<number> {
  try {
    const response = await fetch(url);
    say((await response.text()).trim());
    return response.ok ? 0 : 1;
  } catch (error) {
    return refused(new InputError("failed_precondition", `${url}: ${error}`));
  }
}

Deno.exit(await main(Deno.args));
