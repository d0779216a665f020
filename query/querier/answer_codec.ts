// Questions and answers as bytes: JSON, with tagged arrays for what JSON has no word for. Objects stand as
// they are, for their keys may be anything (services are named by clients); arrays do not, so no tag can be
// forged.
//
//   ["a", …]  an array        ["n", "12"]  a bigint          ["u"]  undefined
//   ["f", base64]  a Float64Array            ["d", "NaN"]  a number that JSON does not know
//   ["b", base64]  bytes      ["l", 3, 4]  an array whose items are in pieces 3 and 4 (answer_pieces.ts)
//
// Rule: what is read is exactly what was written. Bytes come from caches and processes that check them.
import { CorruptionError } from "../../lib/errors.ts";

export type Plain = string | number | boolean | null | readonly Plain[] | {
  readonly [key: string]: Plain;
};

/** The items of some pieces. */
export type ItemsOf = (pieces: readonly number[]) => unknown[];

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

export function fromPlain(plain: Plain, items: ItemsOf): unknown {
  if (Array.isArray(plain)) return fromTagged(plain, items);
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(
    Object.entries(plain).map(([key, one]) => [key, fromPlain(one, items)]),
  );
}

function fromTagged([tag, ...rest]: readonly Plain[], items: ItemsOf): unknown {
  switch (tag) {
    case "a":
      return rest.map((item) => fromPlain(item, items));
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
      return items(rest as readonly number[]);
    default:
      throw unknown(tag);
  }
}

const noPieces: ItemsOf = () => {
  throw unknown("l");
};

const unknown = (tag: Plain | undefined) =>
  new CorruptionError(`answer with a tag ${JSON.stringify(tag)}`, 0);
