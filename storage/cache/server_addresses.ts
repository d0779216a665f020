// Where the servers of a cache are: fixed addresses, and names whose answers change as servers come and
// go. `host:port` and `dns+host:port` are looked up as addresses, `dnssrv+name` and `dnssrvnoa+name` as
// services. Rule: a name that cannot be looked up leaves what was known of it.
import type { Clock } from "../../lib/clock.ts";

export interface Resolver {
  /** Addresses of a host, v4 and v6. */
  addresses(host: string): Promise<readonly string[]>;
  services(name: string): Promise<readonly { readonly host: string; readonly port: number }[]>;
}

/** Nobody waits longer for a name server: until it answers there is no cache. */
const FIRST_LOOK_MS = 2_000;

export class ServerAddresses implements Disposable {
  /** Sorted, each once. */
  current: readonly string[] = [];
  readonly #known = new Map<string, readonly string[]>();
  #timer: number | undefined;
  #isClosed = false;

  private constructor(
    readonly clock: Clock,
    readonly resolver: Resolver,
    readonly names: readonly string[],
    readonly everyMs: number,
    readonly onFailure: (name: string, error: unknown) => void,
  ) {}

  static async open(
    clock: Clock,
    resolver: Resolver,
    names: readonly string[],
    everyMs: number,
    onFailure: (name: string, error: unknown) => void,
  ): Promise<ServerAddresses> {
    const addresses = new ServerAddresses(clock, resolver, names, everyMs, onFailure);
    let timer: number | undefined;
    const late = new Promise<void>((resolve) => timer = clock.setTimeout(resolve, FIRST_LOOK_MS));
    await Promise.race([addresses.look(), late]);
    clock.clearTimeout(timer!);
    return addresses;
  }

  async look(): Promise<void> {
    await Promise.all(this.names.map(async (name) => {
      try {
        this.#known.set(name, await this.#lookUp(name));
      } catch (error) {
        this.onFailure(name, error);
      }
    }));
    this.current = [...new Set([...this.#known.values()].flat())].sort();
    const isChanging = this.names.some((name) => name.startsWith("dns")) && this.everyMs > 0;
    if (isChanging && !this.#isClosed) {
      this.#timer = this.clock.setTimeout(() => this.look(), this.everyMs);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
  }

  async #lookUp(name: string): Promise<readonly string[]> {
    const [, kind, rest] = /^(?:(dns|dnssrv|dnssrvnoa)\+)?(.*)$/.exec(name)!;
    if (kind === undefined) return [rest!];
    if (kind === "dns") return await this.#atPort(rest!);
    const services = await this.resolver.services(rest!);
    if (kind === "dnssrvnoa") return services.map(({ host, port }) => `${host}:${port}`);
    const found = await Promise.all(services.map(({ host, port }) => {
      return this.#atPort(`${host.replace(/\.$/, "")}:${port}`);
    }));
    return found.flat();
  }

  async #atPort(address: string): Promise<string[]> {
    const cut = address.lastIndexOf(":");
    const port = address.slice(cut + 1);
    const hosts = await this.resolver.addresses(address.slice(0, cut));
    return hosts.map((host) => host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  }
}
