// Reads the collections of a delivery log in order, for one endpoint, from its cursor to the end and on.
// Rule: where segments were removed or are false it goes on with the next true one.
import type { Directory, File } from "../../lib/fs.ts";
import type { Collection } from "./collection.ts";
import { CollectionDecoder } from "./collection_codec.ts";
import type { Cursor } from "./cursors.ts";
import type { Segment } from "./delivery_recovery.ts";
import { FRAME_HEADER_BYTES, readFrame, SEGMENT_HEADER_BYTES, segmentName } from "./segment.ts";

/** Of a log; what lies below its segments' ends may be read. */
export interface ReadableLog {
  readonly directory: Directory;
  readonly segments: readonly Segment[];
}

export interface ReadCollection {
  readonly collection: Collection;
  /** Of its frame. */
  readonly at: Cursor;
  /** Behind it. */
  readonly next: Cursor;
}

export class CollectionReader implements Disposable {
  /** The segment that it has read last, or could not. */
  segment = 0;
  #open:
    | { readonly number: number; readonly file: File; decoder: CollectionDecoder; position: number }
    | undefined;

  constructor(readonly log: ReadableLog) {}

  /** The collection at a cursor, or the first one behind it; undefined at the end. */
  async read(from: Cursor): Promise<ReadCollection | undefined> {
    for (const segment of this.log.segments) {
      if (segment.number < from.segment) continue;
      const wanted = segment.number === from.segment ? from.position : SEGMENT_HEADER_BYTES;
      if (wanted >= segment.end) continue;
      return await this.#readAt(segment, wanted);
    }
    return undefined;
  }

  async #readAt({ number, end }: Segment, wanted: number): Promise<ReadCollection> {
    this.segment = number;
    let open = this.#open;
    if (open?.number !== number || open.position > wanted) {
      this[Symbol.dispose]();
      const file = await this.log.directory.open(segmentName(number), "read");
      open = this.#open = {
        number,
        file,
        decoder: new CollectionDecoder(),
        position: SEGMENT_HEADER_BYTES,
      };
    }
    try {
      for (;;) {
        const position = open.position;
        const payload = await readFrame(open.file, number, position, end);
        const collection = open.decoder.decode(payload);
        open.position += FRAME_HEADER_BYTES + payload.length;
        if (position < wanted) continue;
        return {
          collection,
          at: { segment: number, position, sent: 0 },
          next: { segment: number, position: open.position, sent: 0 },
        };
      }
    } catch (error) {
      this[Symbol.dispose](); // what was decoded is not to be gone on with
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#open?.file.close();
    this.#open = undefined;
  }
}
