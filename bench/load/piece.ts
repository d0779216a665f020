// A protobuf message in the making that remembers where in it values are to be patched.
// Rule: a patched value has a fixed width, so that no length before it ever changes.
import { ByteWriter } from "../../lib/byte_writer.ts";

export const PatchKind = {
  TraceId: 0,
  SpanId: 1,
  ParentId: 2,
  Start: 3,
  End: 4,
  /** A time within the span. */
  Moment: 5,
  LinkTraceId: 6,
  LinkSpanId: 7,
  /** 36 characters, the same for all spans of a trace. */
  RequestId: 8,
  /** Six digits, the same for all spans of a trace. */
  UserDigits: 9,
  /** Digits that differ from span to span; `detail` is how many. */
  Digits: 10,
} as const;

export interface Patch {
  readonly kind: number;
  readonly at: number;
  /** How many digits, or the share of the span's duration at which a moment lies. */
  readonly detail: number;
}

const encoder = new TextEncoder();

export class Piece {
  readonly patches: Patch[] = [];
  readonly #out = new ByteWriter(256);

  get length(): number {
    return this.#out.length;
  }

  varint(field: number, value: number): this {
    this.#out.varint(field << 3);
    this.#out.varint(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.binary(field, encoder.encode(value));
  }

  binary(field: number, value: Uint8Array): this {
    this.#out.varint(field << 3 | 2);
    this.#out.varint(value.length);
    this.#out.append(value);
    return this;
  }

  /** Bytes that are filled in before each sending. */
  patched(field: number, kind: number, sizeBytes: number): this {
    this.#out.varint(field << 3 | 2);
    this.#out.varint(sizeBytes);
    this.patches.push({ kind, at: this.#out.length, detail: 0 });
    this.#out.append(new Uint8Array(sizeBytes));
    return this;
  }

  patchedTime(field: number, kind: number, share = 0): this {
    this.#out.varint(field << 3 | 1);
    this.patches.push({ kind, at: this.#out.length, detail: share });
    this.#out.append(new Uint8Array(8));
    return this;
  }

  /** Text in which runs of `#` become digits, `%` six digits of the user, `@` the request's id. */
  pattern(field: number, text: string): this {
    const wide = text.replace("%", "%%%%%%").replace("@", "@".repeat(36));
    this.#out.varint(field << 3 | 2);
    this.#out.varint(wide.length);
    for (const run of wide.matchAll(/#+|%+|@+/g)) {
      const kind = run[0].startsWith("#")
        ? PatchKind.Digits
        : run[0].startsWith("%")
        ? PatchKind.UserDigits
        : PatchKind.RequestId;
      this.patches.push({ kind, at: this.#out.length + run.index, detail: run[0].length });
    }
    this.#out.append(encoder.encode(wide));
    return this;
  }

  embed(field: number, piece: Piece): this {
    this.#out.varint(field << 3 | 2);
    this.#out.varint(piece.length);
    return this.append(piece);
  }

  /** The fields of another piece of the same message. */
  append(piece: Piece): this {
    const base = this.#out.length;
    for (const patch of piece.patches) this.patches.push({ ...patch, at: base + patch.at });
    this.#out.append(piece.#out.written());
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#out.copy();
  }
}

export type Value = string | number | boolean | { readonly pattern: string };

export function attribute(key: string, value: Value): Piece {
  const any = new Piece();
  if (typeof value === "string") any.text(1, value);
  else if (typeof value === "boolean") any.varint(2, value ? 1 : 0);
  else if (typeof value === "number") any.varint(3, value);
  else any.pattern(1, value.pattern);
  return new Piece().text(1, key).embed(2, any);
}
