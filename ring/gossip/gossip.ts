// Keeps the map of this member like everybody else's: each round it exchanges messages with a few
// members chosen by chance, now and then in full.
// Rules: a member needs one seed to join, and asks seeds again from time to time, so that two halves of
// a cluster that have forgotten each other find together; what a peer sends that cannot be read is
// counted and changes nothing; an exchange that fails is not repeated, the next round is; removals are
// forgotten after a time, when everybody has heard of them.
import type { Random } from "../../lib/random.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import { Exchange } from "./exchange.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";
import { BEATING_PREFIX, type ReplicatedMap } from "./replicated_map.ts";

export interface GossipTransport {
  /** One message there and one back. Rejects when that fails, for whatever reason. */
  exchange(address: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

export interface GossipOptions {
  /** By which it knows itself: nobody else's, not even that of its own former life. */
  readonly name: string;
  /** Where others reach this one. */
  readonly address: string;
  /** Addresses of members that are likely to be there. */
  readonly seeds: () => Promise<readonly string[]>;
  readonly intervalMs: number;
  /** How many members a round asks. */
  readonly fanout: number;
  readonly fullEveryMs: number;
  readonly timeoutMs: number;
  readonly retransmitFactor: number;
  readonly rumorBytesMax: number;
  /** How long removals are told, for members that were away so long. */
  readonly keepRemovedMs: number;
}

export const defaultGossipOptions = {
  intervalMs: 1_000,
  fanout: 2,
  fullEveryMs: 30_000,
  timeoutMs: 2_000,
  retransmitFactor: 2,
  rumorBytesMax: 8_192,
  keepRemovedMs: 300_000,
} as const;

/** Rounds in which hashes may differ from a peer's before everything is compared. */
const PATIENCE_ROUNDS = 5;
/** All members together ask seeds so often a round, however many they are: a seed is one of them. */
const SEEDS_PER_ROUND = 1;

export class Gossip implements Disposable {
  readonly #exchange: Exchange;
  readonly #metrics;
  #differentRounds = 0;
  #fullAtMs: number;
  #seeds: readonly string[] = [];
  readonly #addresses = new Map<string, string>();
  #known: readonly string[] | undefined;
  readonly #stopListening: () => void;

  constructor(
    readonly runtime: Runtime,
    readonly transport: GossipTransport,
    readonly map: ReplicatedMap,
    readonly options: GossipOptions,
  ) {
    this.#exchange = new Exchange(map, options);
    this.#metrics = gossipMetrics(runtime);
    for (const [id] of map.entries()) this.#noteAddress(id);
    this.#stopListening = map.onChange((id) => this.#noteAddress(id));
    // Not all at the same time.
    this.#fullAtMs = runtime.clock.monotonic() - runtime.random.next() * options.fullEveryMs;
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    this.#exchange[Symbol.dispose]();
  }

  /** Until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.runtime;
    while (!signal.aborted) {
      await this.round(signal);
      // Members that started together must not stay in step.
      const waitMs = this.options.intervalMs * (0.9 + random.next() * 0.2);
      await sleep(clock, waitMs, signal);
    }
  }

  /** How many others answered. */
  async round(signal: AbortSignal): Promise<number> {
    const { clock } = this.runtime;
    this.#forgetRemoved();
    const isDue = clock.monotonic() - this.#fullAtMs >= this.options.fullEveryMs;
    const isNew = this.#members().length === 0;
    const isFull = isNew || isDue || this.#differentRounds >= PATIENCE_ROUNDS;
    const peers = await this.#peers();
    if (isFull && peers.length > 0) {
      this.#fullAtMs = clock.monotonic();
      this.#differentRounds = 0;
    }
    const answers = await Promise.all(
      peers.map((address, i) => this.#exchangeWith(address, isFull && i === 0, signal)),
    );
    const heard = answers.filter((answer) => answer !== undefined);
    if (heard.length === 0) return 0;
    if (heard.every((answer) => this.#exchange.isEqual(answer))) this.#differentRounds = 0;
    else this.#differentRounds++;
    this.#metrics.members.set(this.memberCount);
    return heard.length;
  }

  /** Known ones, itself included. */
  get memberCount(): number {
    return this.#members().length + 1;
  }

  /** The other side of an exchange. Throws CorruptionError for bytes that are no message. */
  receive(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#metrics.received.inc();
    const message = decodeMessage(bytes);
    this.#forgetRemoved();
    return encodeMessage(this.#exchange.answer(message));
  }

  #forgetRemoved(): void {
    const { clock } = this.runtime;
    this.map.forgetRemovedBefore(clock.now() - this.options.keepRemovedMs);
  }

  async #exchangeWith(
    address: string,
    isFull: boolean,
    signal: AbortSignal,
  ): Promise<Message | undefined> {
    try {
      const answer = await this.#send(address, this.#exchange.open(isFull), signal);
      // A seed's name may be this very member's.
      if (answer.from === this.options.name) return undefined;
      const wanted = this.#exchange.conclude(answer);
      if (wanted !== undefined) this.#exchange.conclude(await this.#send(address, wanted, signal));
      return answer;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#metrics.failed.inc();
      this.runtime.log.debug("gossip failed", { address, error: String(error) });
      return undefined;
    }
  }

  async #send(address: string, message: Message, signal: AbortSignal): Promise<Message> {
    const bytes = encodeMessage(message);
    this.#metrics.sent.inc();
    this.#metrics.sentBytes.inc(bytes.length);
    return decodeMessage(await this.transport.exchange(address, bytes, signal));
  }

  async #peers(): Promise<string[]> {
    const { random } = this.runtime;
    const members = this.#members();
    if (members.length > 0 && random.next() * (members.length + 1) >= SEEDS_PER_ROUND) {
      return chosen(random, members, this.options.fanout);
    }
    this.#seeds = await this.options.seeds().catch(() => this.#seeds);
    const seeds = this.#seeds.filter((address) => address !== this.options.address);
    if (members.length === 0) return chosen(random, seeds, this.options.fanout);
    const seed = chosen(random, seeds, 1);
    return [...seed, ...chosen(random, members, this.options.fanout - seed.length)];
  }

  /** Addresses of the other members, each once, whatever rings they are in. */
  #members(): readonly string[] {
    return this.#known ??= [...new Set(this.#addresses.values())]
      .filter((address) => address !== this.options.address);
  }

  #noteAddress(id: string): void {
    if (!id.startsWith(BEATING_PREFIX)) return;
    const value = this.map.value(id);
    const address = value === undefined ? undefined : addressOf(value);
    if (address === this.#addresses.get(id)) return;
    if (address === undefined) this.#addresses.delete(id);
    else this.#addresses.set(id, address);
    this.#known = undefined;
  }
}

/** An instance's value names the address where it gossips, if it does. */
function addressOf(value: string): string | undefined {
  const { gossip } = JSON.parse(value) as { gossip?: unknown };
  return typeof gossip === "string" && gossip !== "" ? gossip : undefined;
}

/** Up to `count` different ones. */
function chosen(random: Random, from: readonly string[], count: number): string[] {
  const left = [...from];
  const taken: string[] = [];
  while (taken.length < count && left.length > 0) {
    const at = Math.floor(random.next() * left.length);
    taken.push(left[at]!);
    left[at] = left.at(-1)!;
    left.pop();
  }
  return taken;
}

function gossipMetrics({ metrics }: Runtime) {
  return {
    members: metrics.gauge(
      "tempo_memberlist_client_cluster_members_count",
      "Members of the cluster that this one knows, itself included",
    ),
    sent: metrics.counter("tempo_memberlist_client_messages_sent_total", "Messages of gossip sent"),
    sentBytes: metrics.counter(
      "tempo_memberlist_client_messages_sent_bytes_total",
      "Bytes of gossip sent",
    ),
    received: metrics.counter(
      "tempo_memberlist_client_received_broadcasts_total",
      "Messages of gossip received",
    ),
    failed: metrics.counter(
      "segno_gossip_failed_exchanges_total",
      "Exchanges that got no answer, or one that cannot be read",
    ),
  };
}
