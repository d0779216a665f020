// Questions and answers as bytes: JSON, with tagged arrays for what JSON has no word for. Objects stand as
// they are, for their keys may be anything (services are named by clients); arrays do not, so no tag can be
// forged.
//
//   ["a", …]  an array        ["n", "12"]  a bigint          ["u"]  undefined
//   ["f", base64]  a Float64Array            ["d", "NaN"]  a number that JSON does not know
//   ["b", base64]  bytes      ["l" | "c" | "g", 3, 4]  what stands in pieces 3 and 4 (answer_pieces.ts):
//                             the items of an array, bytes, those of a Float64Array
//
// Rule: what is read is exactly what was written. Bytes come from caches and processes that check them.
import { CorruptionError } from "../../lib/errors.ts";

export type Plain = string | number | boolean | null | readonly Plain[] | {
  readonly [key: string]: Plain;
};

/** What some pieces are. */
export type PiecesOf = (pieces: readonly number[]) => unknown[];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeAnswer(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(toPlain(value)));
}

export function decodeAnswer<T>(bytes: Uint8Array): T {
  return fromPlain(JSON.parse(decoder.decode(bytes)), noPieces) as T;
}

export function toPlain(value: unknown): Plain {
  if (value === undefined) return ["u"];
  if (typeof value === "bigint") return ["n", String(value)];
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : ["d", numberName(value)];
  }
  if (value instanceof Float64Array) {
    return ["f", new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toBase64()];
  }
  if (value instanceof Uint8Array) return ["b", value.toBase64()];
  if (Array.isArray(value)) return ["a", ...value.map(toPlain)];
  if (typeof value !== "object" || value === null) return value as Plain;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toPlain(one)]));
}

const numberName = (value: number) => Object.is(value, -0) ? "-0" : String(value);

export function fromPlain(plain: Plain, pieces: PiecesOf): unknown {
  if (Array.isArray(plain)) return fromTagged(plain, pieces);
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(
    Object.entries(plain).map(([key, one]) => [key, fromPlain(one, pieces)]),
  );
}

function fromTagged([tag, ...rest]: readonly Plain[], pieces: PiecesOf): unknown {
  switch (tag) {
    case "a":
      return rest.map((item) => fromPlain(item, pieces));
    case "n":
      return BigInt(rest[0] as string);
    case "u":
      return undefined;
    case "d":
      return Number(rest[0]);
    case "f":
      return new Float64Array(Uint8Array.fromBase64(rest[0] as string).buffer);
    case "b":
      return Uint8Array.fromBase64(rest[0] as string);
    case "l":
      return pieces(rest as readonly number[]).flat();
    case "c":
      return joined(pieces(rest as readonly number[]));
    case "g":
      return new Float64Array(joined(pieces(rest as readonly number[])).buffer);
    default:
      throw unknown(tag);
  }
}

function joined(parts: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const chunks = parts as readonly Uint8Array[];
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

const noPieces: PiecesOf = () => {
  throw unknown("l");
};

const unknown = (tag: Plain | undefined) =>
  new CorruptionError(`answer with a tag ${JSON.stringify(tag)}`, 0);
