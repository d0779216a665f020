// Where a member finds others to begin with: what `memberlist.join_members` names, looked up.
//
//   host:port                     every address of the host
//   dns+host:port                 the same
//   dnssrv+_name._tcp.host        every address of every target of the service
//   dnssrvnoa+_name._tcp.host     the targets by name
//
// Rules: a port that is written wins over one that is looked up, and 7946 is what goes without saying;
// what was found is looked up anew after a time, and kept while that fails.
import type { Clock } from "../../lib/clock.ts";
import { withinTime } from "../../lib/deadline.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";

export interface Resolver {
  /** IP addresses, of both families. */
  addressesOf(host: string): Promise<readonly string[]>;
  /** Records of a service. */
  serviceOf(name: string): Promise<readonly { readonly host: string; readonly port: number }[]>;
}

export interface Seed {
  readonly kind: "dns" | "dnssrv" | "dnssrvnoa";
  readonly host: string;
  /** Undefined: as looked up, or the usual one. */
  readonly port: number | undefined;
}

const USUAL_PORT = 7946;
const LOOK_UP_EVERY_MS = 30_000;
const LOOK_UP_TIMEOUT_MS = 5_000;
const NEVER = new AbortController().signal;

export class Seeds {
  #found: readonly string[] = [];
  #lookedUpMs = -Infinity;
  #running: Promise<void> | undefined;
  /** Told once, not each second. */
  readonly #failing = new Set<Seed>();

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly resolver: Resolver,
    readonly seeds: readonly Seed[],
  ) {}

  /** `host:port` each, none twice. */
  async addresses(): Promise<readonly string[]> {
    const nowMs = this.runtime.clock.monotonic();
    const isDue = this.#found.length === 0 || nowMs - this.#lookedUpMs >= LOOK_UP_EVERY_MS;
    if (isDue) await (this.#running ??= this.#lookUp().finally(() => this.#running = undefined));
    return this.#found;
  }

  async #lookUp(): Promise<void> {
    const { clock, log } = this.runtime;
    const results = await Promise.allSettled(
      this.seeds.map((seed) => addressesOf(clock, this.resolver, seed)),
    );
    const found = results.flatMap((result, i) => {
      const seed = this.seeds[i]!;
      if (result.status === "fulfilled") {
        this.#failing.delete(seed);
        return result.value;
      }
      if (!this.#failing.has(seed)) {
        log.warn("a seed cannot be looked up", { seed: seed.host, error: String(result.reason) });
      }
      this.#failing.add(seed);
      return [];
    });
    if (found.length === 0) return;
    this.#found = [...new Set(found)];
    this.#lookedUpMs = clock.monotonic();
  }
}

/** Throws InputError that names the key. */
export function parseSeed(text: string): Seed {
  const parts = /^(?:(dns|dnssrv|dnssrvnoa)\+)?(\[[0-9a-fA-F:.]+\]|[^:+\s]+)(?::(\d{1,5}))?$/
    .exec(text.trim());
  const port = parts?.[3] === undefined ? undefined : Number(parts[3]);
  if (parts === null || (port !== undefined && (port === 0 || port > 65_535))) {
    throw new InputError(
      "invalid_argument",
      `memberlist.join_members: expected host:port, dns+host:port, dnssrv+name or dnssrvnoa+name, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return { kind: (parts[1] ?? "dns") as Seed["kind"], host: parts[2]!, port };
}

/** An IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

async function addressesOf(clock: Clock, resolver: Resolver, seed: Seed): Promise<string[]> {
  const late = () => new UnavailableError(`no answer within ${LOOK_UP_TIMEOUT_MS} ms`);
  return await withinTime(clock, LOOK_UP_TIMEOUT_MS, late, NEVER, async () => {
    const { kind, host, port } = seed;
    if (kind === "dns") return await hostAddresses(resolver, host, port ?? USUAL_PORT);
    const targets = await resolver.serviceOf(host);
    if (kind === "dnssrvnoa") {
      return targets.map((target) => hostPort(target.host, port ?? target.port));
    }
    const all = targets.map((target) => hostAddresses(resolver, target.host, port ?? target.port));
    return (await Promise.all(all)).flat();
  });
}

async function hostAddresses(resolver: Resolver, host: string, port: number): Promise<string[]> {
  const isAddress = host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
  const addresses = isAddress ? [host] : await resolver.addressesOf(host);
  return addresses.map((address) => hostPort(address, port));
}
