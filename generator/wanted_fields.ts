// Which attributes of spans anybody makes something of, and whether trace states and status messages are
// read: all else is passed over unread, which is most of a span.
// Rules: for all tenants of a thread; it only grows. A key is told from most others by its length and
// first letter, before it is looked up.

import type { StringTable } from "../model/string_table.ts";

const SHORT = 128;

export class WantedFields {
  hasTraceState = false;
  hasStatusMessage = false;
  readonly #keys = new Set<string>();
  /** 1 at `length << 8 | first byte` of a key, for keys shorter than SHORT. */
  readonly #shapes = new Uint8Array(SHORT << 8);
  #hasLong = false;
  /** 1 at the code of a key. */
  #codes = new Uint8Array(0);

  want(keys: Iterable<string>, strings: StringTable): void {
    for (const key of keys) {
      if (key === "") continue;
      this.#keys.add(key);
      const bytes = new TextEncoder().encode(key);
      if (bytes.length < SHORT) this.#shapes[bytes.length << 8 | bytes[0]!] = 1;
      else this.#hasLong = true;
    }
    this.learnCodes(strings);
  }

  /** To be called when the table was emptied. */
  learnCodes(strings: StringTable): void {
    const codes = [...this.#keys].map((key) => strings.internString(key));
    this.#codes = new Uint8Array(Math.max(0, ...codes) + 1);
    for (const code of codes) this.#codes[code] = 1;
  }

  /** Whether a key that begins and is as long so may be one. */
  mayBeKey(bytes: number, firstByte: number): boolean {
    return bytes < SHORT ? this.#shapes[bytes << 8 | firstByte] === 1 : this.#hasLong;
  }

  isKey(code: number): boolean {
    return code < this.#codes.length && this.#codes[code] === 1;
  }
}
