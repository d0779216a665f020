// Reads that are asked for together become few: neighbours are fetched with the gap between them,
// because a request to a store costs as much as some ten thousand bytes.

import { setImmediate } from "node:timers";
import type { ByteSource } from "./file.ts";

interface Waiting {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

export class BatchedSource implements ByteSource {
  #waiting: Waiting[] = [];

  constructor(readonly source: ByteSource, readonly gapBytesMax: number) {}

  get sizeBytes(): number {
    return this.source.sizeBytes;
  }

  read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    // All that is asked for before the next turn of the event loop goes together.
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push({ offset, sizeBytes, resolve, reject });
    return promise;
  }

  #flush(): void {
    const waiting = this.#waiting.sort((a, b) => a.offset - b.offset);
    this.#waiting = [];
    for (let from = 0; from < waiting.length;) {
      const start = waiting[from]!.offset;
      let end = start;
      let to = from;
      while (to < waiting.length && waiting[to]!.offset <= end + this.gapBytesMax) {
        end = Math.max(end, waiting[to]!.offset + waiting[to]!.sizeBytes);
        to++;
      }
      const batch = waiting.slice(from, to);
      this.source.read(start, end - start).then((bytes) => {
        for (const { offset, sizeBytes, resolve } of batch) {
          resolve(bytes.subarray(offset - start, offset - start + sizeBytes));
        }
      }).catch((reason) => batch.forEach(({ reject }) => reject(reason)));
      from = to;
    }
  }
}
