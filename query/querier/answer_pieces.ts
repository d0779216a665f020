// An answer in pieces, for the way to another process: what may be long goes before what it stands in, a part
// at a time, so that no message is large and no turn of either thread long, however large the answer.
// Measured: bench/answer_pieces.ts.
//
//   piece 0 …  ["a", item, item, …]  some items of an array        ["b", base64]  some of its bytes
//   the last   the answer itself, with ["l", 0, 1, 2] where an array of these pieces stands
import { CorruptionError } from "../../lib/errors.ts";
import { fromPlain, type Plain, toPlain } from "./answer_codec.ts";

/** Shorter ones stay where they are. */
const ITEMS_MIN = 32;
/** What takes some tenths of a millisecond. */
const PIECE_CHARS = 64 * 1024;
/** Long arrays stand no deeper: { answers: [{ leaves: [{ series: [ … */
const DEPTH_MAX = 8;
/** A multiple of what a number takes. */
const CHUNK_BYTES = 48 * 1024;

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
  if (isLarge(value)) return yield* inChunks(value, count);
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
    const item = items[i];
    const text = JSON.stringify(hasLarge(item) ? yield* laidOut(item, count, 0) : toPlain(item));
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

type Large = Uint8Array | Float64Array;

function isLarge(value: unknown): value is Large {
  return (value instanceof Uint8Array || value instanceof Float64Array) &&
    value.byteLength > CHUNK_BYTES;
}

/** Itself, or right within it. */
function hasLarge(item: unknown): boolean {
  if (typeof item !== "object" || item === null) return false;
  return ArrayBuffer.isView(item) ? isLarge(item) : Object.values(item).some(isLarge);
}

function* inChunks(value: Large, count: { pieces: number }): PlainParts {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const pieces: number[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    pieces.push(count.pieces++);
    yield JSON.stringify(toPlain(bytes.subarray(at, at + CHUNK_BYTES)));
  }
  return [value instanceof Uint8Array ? "c" : "g", ...pieces];
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
    return pieces.map((piece) => {
      const value = this.#items[piece];
      if (value === undefined) throw new CorruptionError(`answer without its piece ${piece}`, 0);
      this.#items[piece] = undefined;
      return value;
    });
  }
}
