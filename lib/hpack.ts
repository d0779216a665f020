// HTTP/2 header compression (RFC 7541): a decoder, and an encoder that remembers nothing.
// Rule: the decoder's table must see every header block of its connection, in order, wanted or not.

import { ByteWriter } from "./byte_writer.ts";
import { decodeHuffman } from "./hpack_huffman.ts";

/** Bytes that cannot be a header block; the connection's table is lost with them. */
export class HpackError extends Error {
  override readonly name = "HpackError";
}

interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** Appendix A; index 1 is the first. */
const STATIC_TABLE: readonly HeaderField[] = `
:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200
:status 204|:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset
accept-encoding gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age
allow|authorization|cache-control|content-disposition|content-encoding|content-language
content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host
if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location
max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server
set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`
  .trim().split(/[|\n]/).map((field) => {
    const space = field.indexOf(" ");
    return space < 0
      ? { name: field, value: "" }
      : { name: field.slice(0, space), value: field.slice(space + 1) };
  });

/** What an entry counts beside its text. */
const ENTRY_BYTES = 32;
/** The size we never change by a setting. */
const TABLE_BYTES_MAX = 4096;

export class HpackDecoder {
  readonly #listBytesMax: number;
  /** Newest last. */
  readonly #table: HeaderField[] = [];
  #tableBytes = 0;
  #tableBytesMax = TABLE_BYTES_MAX;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** Fields of one name are joined by commas. */
  decode(block: Uint8Array): Map<string, string> {
    this.#bytes = block;
    this.#at = 0;
    const headers = new Map<string, string>();
    let listBytes = 0;
    while (this.#at < block.length) {
      const field = this.#field();
      if (field === undefined) continue;
      const { name, value } = field;
      listBytes += name.length + value.length + ENTRY_BYTES;
      if (listBytes > this.#listBytesMax) throw new HpackError("header list too large");
      const former = headers.get(name);
      headers.set(name, former === undefined ? value : `${former},${value}`);
    }
    return headers;
  }

  #field(): HeaderField | undefined {
    const first = this.#bytes[this.#at]!;
    if (first >= 0x80) return this.#entry(this.#integer(7));
    if (first >= 0x40) return this.#remember(this.#literal(6));
    if (first >= 0x20) return void this.#resize(this.#integer(5));
    return this.#literal(4); // not to be remembered
  }

  #literal(prefixBits: number): HeaderField {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#entry(index).name;
    return { name, value: this.#text() };
  }

  #entry(index: number): HeaderField {
    const field = index <= STATIC_TABLE.length
      ? STATIC_TABLE[index - 1]
      : this.#table[this.#table.length - (index - STATIC_TABLE.length)];
    if (field === undefined) throw new HpackError(`no header at index ${index}`);
    return field;
  }

  #remember(field: HeaderField): HeaderField {
    this.#table.push(field);
    this.#tableBytes += sizeOf(field);
    this.#evict();
    return field;
  }

  #resize(size: number): void {
    if (size > TABLE_BYTES_MAX) throw new HpackError(`table of ${size} bytes was not offered`);
    this.#tableBytesMax = size;
    this.#evict();
  }

  #evict(): void {
    while (this.#tableBytes > this.#tableBytesMax) this.#tableBytes -= sizeOf(this.#table.shift()!);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0;; shift += 7) {
      if (shift > 21) throw new HpackError("number too large");
      const byte = this.#byte();
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #text(): string {
    const isHuffman = this.#at < this.#bytes.length && this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new HpackError("header block ends early");
    this.#at += length;
    const bytes = this.#bytes.subarray(start, this.#at);
    if (!isHuffman) return latin1(bytes);
    const decoded = decodeHuffman(bytes);
    if (decoded === undefined) throw new HpackError("broken Huffman code");
    return latin1(decoded);
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new HpackError("header block ends early");
    return this.#bytes[this.#at++]!;
  }
}

/** Names in lower case, values in ASCII. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(256);
  for (const [name, value] of Object.entries(headers)) {
    out.u8(0); // a literal with a literal name, not to be remembered
    for (const text of [name, value]) {
      writeInteger(out, text.length);
      for (let i = 0; i < text.length; i++) out.u8(text.charCodeAt(i));
    }
  }
  return out.copy();
}

/** With a prefix of 7 bits. */
function writeInteger(out: ByteWriter, value: number): void {
  if (value < 127) return out.u8(value);
  out.u8(127);
  out.varint(value - 127);
}

function sizeOf({ name, value }: HeaderField): number {
  return name.length + value.length + ENTRY_BYTES;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
