// An answer in pieces, for the way to another process: arrays that may be long go before what they stand in,
// some items at a time, so that no message is large and no turn of either thread long, however large the
// answer. Measured: answer_pieces_bench.ts.
//
//   piece 0 …  ["a", item, item, …]      items of some array, up to PIECE_CHARS of them
//   the last   the answer itself, with ["l", 0, 1, 2] where an array of these pieces stands
import { CorruptionError } from "../../lib/errors.ts";
import { fromPlain, type Plain, toPlain } from "./answer_codec.ts";

/** Shorter ones stay where they are. */
const ITEMS_MIN = 32;
/** What takes some tenths of a millisecond. */
const PIECE_CHARS = 64 * 1024;
/** Long arrays stand no deeper: { answers: [{ leaves: [{ series: [ … */
const DEPTH_MAX = 6;

type PlainParts = Generator<string, Plain, void>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The last one is the answer. Made as they are asked for, so that others may have their turn. */
export function* piecesOf(value: unknown): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const parts = laidOut(value, { pieces: 0 }, 0);
  for (let part = parts.next();; part = parts.next()) {
    if (part.done) return yield encoder.encode(JSON.stringify(part.value));
    yield encoder.encode(part.value);
  }
}

function* laidOut(value: unknown, count: { pieces: number }, depth: number): PlainParts {
  if (depth >= DEPTH_MAX || typeof value !== "object" || value === null) return toPlain(value);
  if (Array.isArray(value)) {
    if (value.length >= ITEMS_MIN) return yield* inPieces(value, count);
    const items: Plain[] = ["a"];
    for (const item of value) items.push(yield* laidOut(item, count, depth + 1));
    return items;
  }
  if (ArrayBuffer.isView(value)) return toPlain(value);
  const entries: [string, Plain][] = [];
  for (const [key, one] of Object.entries(value)) {
    entries.push([key, yield* laidOut(one, count, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function* inPieces(items: readonly unknown[], count: { pieces: number }): PlainParts {
  const pieces: number[] = [];
  let texts: string[] = [];
  let chars = 0;
  for (let i = 0; i < items.length; i++) {
    const text = JSON.stringify(toPlain(items[i]));
    texts.push(text);
    chars += text.length;
    if (chars < PIECE_CHARS && i < items.length - 1) continue;
    pieces.push(count.pieces++);
    yield `["a",${texts.join(",")}]`;
    texts = [];
    chars = 0;
  }
  return ["l", ...pieces];
}

/** Pieces in their order, and in the end what they make. */
export class Pieces {
  readonly #items: unknown[] = [];
  #last: unknown;
  #count = 0;

  add(piece: Uint8Array): void {
    if (this.#count++ > 0) this.#items.push(this.#last);
    this.#last = fromPlain(JSON.parse(decoder.decode(piece)), (pieces) => this.#of(pieces));
  }

  /** Of the last piece. */
  get value(): unknown {
    return this.#last;
  }

  #of(pieces: readonly number[]): unknown[] {
    const all: unknown[] = [];
    for (const piece of pieces) {
      const items = this.#items[piece];
      if (!Array.isArray(items)) throw new CorruptionError(`answer without its piece ${piece}`, 0);
      for (const item of items) all.push(item);
      this.#items[piece] = undefined;
    }
    return all;
  }
}
