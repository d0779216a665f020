// Which scanner a block belongs to: the one with least to do when the block was first met, and that one
// from then on, for its cache knows the block.
import type { BlockMeta } from "../../model/block_meta.ts";

/** Of gone blocks too: so many are remembered, the most recently asked about. */
const KNOWN_MAX = 65_536;

export class Homes {
  readonly #homeOf = new Map<string, { readonly home: number; readonly sizeBytes: number }>();
  readonly #bytes: number[];

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
    const home = this.#bytes.indexOf(Math.min(...this.#bytes));
    this.#bytes[home]! += size;
    this.#homeOf.set(blockID, { home, sizeBytes: size });
    if (this.#homeOf.size > KNOWN_MAX) this.#forgetOldest();
    return home;
  }

  #forgetOldest(): void {
    for (const [blockId, { home, sizeBytes }] of this.#homeOf) {
      this.#bytes[home]! -= sizeBytes;
      this.#homeOf.delete(blockId);
      return;
    }
  }
}
