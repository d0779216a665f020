// Ranges of a file that are fetched before it is known which bytes of them are wanted: one round trip
// instead of two. What is read later is taken from them where they have it.
import type { ByteSource, FilePart, SourceRange } from "./batched_source.ts";

export class HeldSource implements ByteSource {
  readonly #held: { readonly range: SourceRange; readonly bytes: Promise<Uint8Array> }[] = [];

  constructor(readonly source: ByteSource) {}

  get sizeBytes(): number {
    return this.source.sizeBytes;
  }

  hold(range: SourceRange, part: FilePart): void {
    const bytes = this.source.read(range.offset, range.sizeBytes, part);
    bytes.catch(() => {}); // whoever reads it hears of it, if anybody does
    this.#held.push({ range, bytes });
  }

  async read(offset: number, sizeBytes: number, part?: FilePart): Promise<Uint8Array> {
    const held = this.#held.find(({ range }) =>
      offset >= range.offset && offset + sizeBytes <= range.offset + range.sizeBytes
    );
    if (held === undefined) return await this.source.read(offset, sizeBytes, part);
    const from = offset - held.range.offset;
    return (await held.bytes).subarray(from, from + sizeBytes);
  }
}
