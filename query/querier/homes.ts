// Which scanner a block belongs to, for that one's cache knows it: by rendezvous, the scanner whose hash with
// the block's id is the highest. So a block has the same home after a restart, in any frontend, and in whatever
// order blocks are met; and with one scanner more or fewer only its own blocks move.
// Rule: no scanner has much more to do than its share: one that has is passed over for the next by hash. A
// block stays where it is for as long as it is known.
import type { BlockMeta } from "../../model/block_meta.ts";

/** Of gone blocks too: so many are remembered, the most recently asked about. */
const KNOWN_MAX = 65_536;
/** So many times its share of bytes a scanner may have. */
const SHARE_MAX = 1.1;

export class Homes {
  readonly #homeOf = new Map<string, { readonly home: number; readonly sizeBytes: number }>();
  readonly #bytes: number[];
  #allBytes = 0;

  constructor(homes: number) {
    this.#bytes = Array.from({ length: homes }, () => 0);
  }

  of({ blockID, size }: BlockMeta): number {
    if (this.#bytes.length === 1) return 0;
    const known = this.#homeOf.get(blockID);
    if (known !== undefined) {
      this.#homeOf.delete(blockID);
      this.#homeOf.set(blockID, known);
      return known.home;
    }
    const home = this.#choose(blockID, size);
    this.#add(home, size);
    this.#homeOf.set(blockID, { home, sizeBytes: size });
    if (this.#homeOf.size > KNOWN_MAX) this.#forgetOldest();
    return home;
  }

  #choose(blockId: string, sizeBytes: number): number {
    const { length } = this.#bytes;
    const share = (this.#allBytes + sizeBytes) / length;
    // The second is what whoever has least would have with it, so that there is one.
    const bytesMax = Math.max(share * SHARE_MAX, Math.min(...this.#bytes) + sizeBytes);
    return rendezvous(blockId, length).find((home) => this.#bytes[home]! + sizeBytes <= bytesMax)!;
  }

  #add(home: number, sizeBytes: number): void {
    this.#bytes[home]! += sizeBytes;
    this.#allBytes += sizeBytes;
  }

  #forgetOldest(): void {
    for (const [blockId, { home, sizeBytes }] of this.#homeOf) {
      this.#add(home, -sizeBytes);
      this.#homeOf.delete(blockId);
      return;
    }
  }
}

/** Scanners in the order in which a block would have them. */
export function rendezvous(blockId: string, scanners: number): number[] {
  const seed = fnv(blockId);
  const weights = Array.from(
    { length: scanners },
    (_, scanner) => mixed(seed ^ mixed(scanner + 1)),
  );
  return [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b);
}

function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash;
}

/** Every bit of the input has a part in every bit of what comes out. */
function mixed(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
