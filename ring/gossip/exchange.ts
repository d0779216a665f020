// What two members do with each other's messages; no network, no time.
//
//   A ── hash, beats, rumors ─────────▶ B        most of the time that is all: equal hashes, beats merged
//   A ◀────────── hash, beats, rumors ── B
//
//   A ── … and a digest ──────────────▶ B        now and then, and while hashes stay different
//   A ◀─ … entries A lacks, and what B wants ── B
//   A ── those ───────────────────────▶ B
//
// Rule: beats are merged only between equal hashes, for then both have the same ids in the same order.
import type { Message, Rumor } from "./message.ts";
import type { ReplicatedMap } from "./replicated_map.ts";
import { Rumors } from "./rumors.ts";

export interface ExchangeOptions {
  readonly name: string;
  readonly retransmitFactor: number;
  /** Of the rumors of one message. */
  readonly rumorBytesMax: number;
}

const NOTHING = new Uint32Array(0);
const ENTRY_BYTES = 16;

export class Exchange {
  readonly #rumors = new Rumors();
  readonly #stopListening: () => void;

  constructor(readonly map: ReplicatedMap, readonly options: ExchangeOptions) {
    // Whatever changes is news to others, be it our own or heard from somebody. What was there before
    // others learn by full exchanges.
    this.#stopListening = map.onChange((id) => this.#rumors.add(id));
  }

  [Symbol.dispose](): void {
    this.#stopListening();
  }

  /** What to say first; with a digest to ask for everything that differs. */
  open(isFull: boolean): Message {
    return this.#message(this.#news(), isFull ? this.#digest() : undefined, NOTHING);
  }

  /** Merges, and answers. */
  answer(message: Message): Message {
    const rumors = this.#news();
    this.#take(message);
    if (message.digest === undefined) return this.#message(rumors, undefined, NOTHING);
    const { missing, wanted } = this.#compare(message.digest);
    const told = new Set(rumors.map(({ id }) => id));
    const more = missing.filter((id) => !told.has(id)).map((id) => this.#rumor(id));
    return this.#message([...rumors, ...more], undefined, Uint32Array.from(wanted));
  }

  /** Merges an answer. What it asks for is to be sent, if there is anything. */
  conclude(message: Message): Message | undefined {
    this.#take(message);
    if (message.wanted.length === 0) return undefined;
    const wanted = new Set(message.wanted);
    const ids = [...this.map.entries()].map(([id]) => id).filter((id) =>
      wanted.has(this.map.hashOf(id)[2])
    );
    return this.#message(ids.map((id) => this.#rumor(id)), undefined, NOTHING);
  }

  isEqual({ hash }: Message): boolean {
    const [low, high] = this.map.contentsHash;
    return hash[0] === low && hash[1] === high;
  }

  #take(message: Message): void {
    for (const { id, entry, beat } of message.rumors) {
      this.map.merge(id, entry);
      if (beat > 0) this.map.mergeBeat(id, beat);
    }
    if (this.isEqual(message)) this.map.mergeBeats(message.beats);
  }

  #news(): Rumor[] {
    const { retransmitFactor, rumorBytesMax } = this.options;
    const sizeOf = (id: string) => ENTRY_BYTES + id.length + (this.map.get(id)?.value.length ?? 0);
    const members = this.map.beating.length;
    return this.#rumors.take(members, retransmitFactor, rumorBytesMax, sizeOf)
      .filter((id) => this.map.get(id) !== undefined)
      .map((id) => this.#rumor(id));
  }

  #rumor(id: string): Rumor {
    return { id, entry: this.map.get(id)!, beat: this.map.beat(id) };
  }

  #message(
    rumors: readonly Rumor[],
    digest: Uint32Array | undefined,
    wanted: Uint32Array,
  ): Message {
    const { map, options: { name } } = this;
    const hash = map.contentsHash;
    return { from: name, hash, beats: map.beats(), rumors, digest, wanted };
  }

  #digest(): Uint32Array {
    const digest = new Uint32Array(this.map.size * 2);
    let at = 0;
    for (const [id] of this.map.entries()) {
      const [low, , idHash] = this.map.hashOf(id);
      digest[at++] = idHash;
      digest[at++] = low;
    }
    return digest;
  }

  /** Ids that the sender of the digest lacks or has otherwise, and the hashes of those we do. */
  #compare(digest: Uint32Array): { missing: string[]; wanted: number[] } {
    const theirs = new Map<number, number>();
    for (let i = 0; i < digest.length; i += 2) theirs.set(digest[i]!, digest[i + 1]!);
    const missing: string[] = [];
    const wanted: number[] = [];
    for (const [id] of this.map.entries()) {
      const [low, , hash] = this.map.hashOf(id);
      const version = theirs.get(hash);
      theirs.delete(hash);
      if (version === low) continue;
      // Which of two different ones is newer a digest does not say, so both go to and fro.
      missing.push(id);
      if (version !== undefined) wanted.push(hash);
    }
    return { missing, wanted: [...wanted, ...theirs.keys()] };
  }
}
