// Connections to the owners of partitions, one an address, and what is known of each: whether it failed when
// it was last asked, and how far its partitions are.
// Rule: a connection is closed when its owner has left the ring and nothing waits for it.
import type { Clock } from "../../lib/clock.ts";
import type { Gauge } from "../../lib/metrics.ts";
import { isOfOneOwner, type LiveOwner } from "./live_owner.ts";
import type { Watermark } from "./live_wire.ts";

interface Connection {
  readonly owner: LiveOwner;
  open: number;
  isWanted: boolean;
  hasFailed: boolean;
  watermarks: ReadonlyMap<number, Watermark>;
}

export class LiveOwners implements Disposable {
  readonly #connections = new Map<string, Connection>();

  constructor(
    readonly clock: Clock,
    readonly connect: (address: string) => LiveOwner,
    readonly connected: Gauge,
  ) {}

  get addresses(): string[] {
    return [...this.#connections.keys()];
  }

  /** When it was last asked. */
  hasFailed(address: string): boolean {
    return this.#connections.get(address)?.hasFailed ?? false;
  }

  /** As it last told. */
  watermark(address: string, partition: number): Watermark | undefined {
    return this.#connections.get(address)?.watermarks.get(partition);
  }

  /** Connections to all others are closed. */
  keep(addresses: ReadonlySet<string>): void {
    for (const address of addresses) {
      if (!this.#connections.has(address)) this.#open(address);
    }
    for (const [address, connection] of this.#connections) {
      connection.isWanted = addresses.has(address);
      this.#closeIdle(address, connection);
    }
  }

  async ask<T extends { readonly watermarks: readonly Watermark[] }>(
    address: string,
    signal: AbortSignal,
    work: (owner: LiveOwner) => Promise<T>,
  ): Promise<T> {
    const connection = this.#connections.get(address) ?? this.#open(address);
    connection.open++;
    try {
      const answer = await work(connection.owner);
      connection.hasFailed = false;
      this.#told(connection, answer.watermarks);
      return answer;
    } catch (error) {
      // That another was quicker says nothing of it.
      if (!signal.aborted && isOfOneOwner(error)) connection.hasFailed = true;
      throw error;
    } finally {
      connection.open--;
      this.#closeIdle(address, connection);
    }
  }

  failed(address: string): void {
    const connection = this.#connections.get(address);
    if (connection !== undefined) connection.hasFailed = true;
  }

  #told(connection: Connection, watermarks: readonly Watermark[]): void {
    const known = new Map(connection.watermarks);
    for (const one of watermarks) {
      const before = known.get(one.partition);
      // Answers may come in another order than they were made.
      if (before === undefined || before.completeToMs < one.completeToMs) {
        known.set(one.partition, one);
      }
    }
    connection.watermarks = known;
  }

  #open(address: string): Connection {
    const owner = this.connect(address);
    const connection = {
      owner,
      open: 0,
      isWanted: true,
      hasFailed: false,
      watermarks: new Map<number, Watermark>(),
    };
    this.#connections.set(address, connection);
    this.connected.set(this.#connections.size);
    return connection;
  }

  #closeIdle(address: string, connection: Connection): void {
    const { isWanted, open, owner } = connection;
    if (isWanted || open > 0 || this.#connections.get(address) !== connection) return;
    this.#connections.delete(address);
    this.connected.set(this.#connections.size);
    owner[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const { owner } of this.#connections.values()) owner[Symbol.dispose]();
    this.#connections.clear();
    this.connected.set(0);
  }
}
