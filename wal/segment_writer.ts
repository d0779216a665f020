// Writes groups to segment files. Rules:
// - `write` resolves when the group is durable: contents, size and, in a new file, the name.
// - Never is anything written behind bytes that may not be what they should: each life begins a
//   segment, and after a failure the open one ends where it was last known to be durable. The head of
//   the next says so, and is durable before anything in there is.
// - A segment is begun only when there is something to write, so that a log opens on a full disk.
import type { Directory, File } from "../lib/fs.ts";
import type { Logger } from "../lib/log.ts";
import type { AppendGroup } from "./append_group.ts";
import type { KeptSegment } from "./retention.ts";
import { encodeSegmentHead, segmentName, type Stretch } from "./segment_head.ts";

interface OpenSegment {
  readonly file: File;
  readonly segment: KeptSegment;
  readonly headBytes: number;
  /** Whether head and name are durable. */
  isEstablished: boolean;
}

export class SegmentWriter {
  readonly #directory: Directory;
  readonly #log: Logger;
  readonly #segmentBytesMax: number;
  readonly #torn: readonly Stretch[];
  /** Those with durable contents, ascending. */
  readonly #kept: KeptSegment[];
  #lastSegment: number;
  #open: OpenSegment | undefined;

  constructor(
    directory: Directory,
    log: Logger,
    segmentBytesMax: number,
    recovered: {
      readonly segments: readonly KeptSegment[];
      readonly torn: readonly Stretch[];
      readonly lastSegment: number;
    },
  ) {
    this.#directory = directory;
    this.#log = log;
    this.#segmentBytesMax = segmentBytesMax;
    this.#torn = recovered.torn;
    this.#kept = [...recovered.segments];
    this.#lastSegment = recovered.lastSegment;
  }

  get kept(): readonly KeptSegment[] {
    return this.#kept;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** `nextOffsets` are those before the group; the group's own are counted into the result. */
  async write(
    group: AppendGroup,
    nextOffsets: ReadonlyMap<number, number>,
    nowMs: number,
  ): Promise<Map<number, number>> {
    try {
      const open = await this.#segmentFor(group.sizeBytes, nextOffsets, nowMs);
      return await this.#write(open, group, nextOffsets);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  /** Its file is gone or about to go. */
  dropOldest(): void {
    this.#kept.shift();
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
  }

  async #write(
    open: OpenSegment,
    group: AppendGroup,
    nextOffsets: ReadonlyMap<number, number>,
  ): Promise<Map<number, number>> {
    const { file, segment, isEstablished } = open;
    const following = new Map(nextOffsets);
    let at = isEstablished ? segment.endBytes : open.headBytes;
    group.seal(segment.segment, isEstablished ? at : 0, following);
    for (const chunk of group.chunks) {
      await file.write(chunk.filled(), at);
      at += chunk.length;
    }
    await file.sync();
    if (!isEstablished) {
      // A file whose directory entry is not on the disk is lost with all that was synced into it.
      await this.#directory.sync();
      open.isEstablished = true;
      this.#kept.push(segment);
    }
    segment.endBytes = at;
    return following;
  }

  async #segmentFor(
    sizeBytes: number,
    nextOffsets: ReadonlyMap<number, number>,
    nowMs: number,
  ): Promise<OpenSegment> {
    const open = this.#open;
    if (open && open.segment.endBytes + sizeBytes <= this.#segmentBytesMax) return open;
    this.close();
    return this.#open = await this.#begin(nextOffsets, nowMs);
  }

  async #begin(nextOffsets: ReadonlyMap<number, number>, createdMs: number): Promise<OpenSegment> {
    const segment = this.#lastSegment + 1;
    const endBytes = new Map(this.#kept.map(({ segment, endBytes }) => [segment, endBytes]));
    const torn = this.#torn.filter(({ segment }) => endBytes.has(segment));
    const head = encodeSegmentHead({ segment, createdMs, nextOffsets, endBytes, torn });
    const file = await this.#directory.open(segmentName(segment), "create");
    this.#lastSegment = segment;
    const begun = { segment, createdMs, endBytes: 0, nextOffsets: new Map(nextOffsets) };
    // Known before it is written, so that a failure is cleared away.
    this.#open = { file, segment: begun, headBytes: head.length, isEstablished: false };
    await file.write(head, 0);
    return this.#open;
  }

  /**
   * After a failed fdatasync the kernel has dropped the pages, and a failed write has left anything:
   * what lies behind the last durable byte is given up. Cutting it off gives the space back; that it
   * is not part of the log, the next head says even if this fails.
   */
  async #abandon(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const { file, segment, isEstablished } = open;
    try {
      if (isEstablished) await file.truncate(segment.endBytes);
    } catch (error) {
      this.#log.warn("a failed segment cannot be cut", { error, segment: segment.segment });
    }
    file.close();
    if (isEstablished) return;
    try {
      await this.#directory.remove(segmentName(segment.segment));
      this.#lastSegment = segment.segment - 1;
    } catch (error) {
      this.#log.warn("a failed segment cannot be removed", { error, segment: segment.segment });
    }
  }
}
