// Reads the runtime file at the start and again and again, and puts what it says into effect.
// Rules: a file that is bad or gone changes nothing but a metric and a line in the log; at the start
// it is an error, for nothing is known yet; a file that is the same is not looked into.
import { createHash } from "node:crypto";
import { InputError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { Overrides } from "./overrides.ts";
import { parseRuntimeFile } from "./runtime_file.ts";

export interface RuntimeFileSource {
  readonly path: string;
  /** The text as it is to be parsed. */
  readonly read: () => Promise<string>;
  readonly isLegacyAllowed: boolean;
}

export async function followRuntimeFile(
  runtime: Runtime,
  overrides: Overrides,
  source: RuntimeFileSource,
  everyMs: number,
): Promise<AsyncDisposable> {
  const poller = new RuntimePoller(runtime, overrides, source);
  await poller.load();
  const stop = new AbortController();
  const polling = poller.run(everyMs, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await polling;
    },
  };
}

/** However short a period is wanted. */
const PERIOD_MS_MIN = 1_000;

class RuntimePoller {
  readonly #isGood;
  readonly #hash;
  #text: string | undefined;
  #problem = "";

  constructor(
    readonly runtime: Runtime,
    readonly overrides: Overrides,
    readonly source: RuntimeFileSource,
  ) {
    const { metrics } = runtime;
    this.#isGood = metrics.gauge(
      "tempo_runtime_config_last_reload_successful",
      "1 if the runtime file could be read and was understood",
      ["config"],
    );
    this.#hash = metrics.gauge(
      "tempo_runtime_config_hash",
      "1 for the runtime file that is in effect",
      ["config", "sha256"],
    );
  }

  async load(): Promise<void> {
    const { path, read, isLegacyAllowed } = this.source;
    let text: string;
    try {
      text = await read();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new InputError(
        "invalid_argument",
        `cannot read overrides.per_tenant_override_config ${path}: ${reason}`,
        { cause },
      );
    }
    if (text !== this.#text) {
      this.overrides.replace(parseRuntimeFile(path, text, isLegacyAllowed));
      this.#text = text;
      this.#hash.reset();
      this.#hash.labels("overrides", createHash("sha256").update(text).digest("hex")).set(1);
    }
    this.#isGood.labels("overrides").set(1);
    this.#problem = "";
  }

  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.runtime;
    while (!signal.aborted) {
      await sleep(clock, Math.max(PERIOD_MS_MIN, everyMs), signal);
      if (signal.aborted) return;
      try {
        await this.load();
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.#isGood.labels("overrides").set(0);
        // Told once, not every ten seconds.
        if (error.message === this.#problem) continue;
        this.#problem = error.message;
        log.error("runtime file is not used, the former limits hold", { error: error.message });
      }
    }
  }
}
