// A stretch of a segment in memory, and the walk from frame to frame through it. The buffer is used
// again: reading into fresh ones costs a page fault per 4 KB and was measured ten times slower.
import type { File } from "../lib/fs.ts";
import { findMarker, FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from "./frame.ts";

export class FrameWindow {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  #segment = -1;
  #start = 0;
  #length = 0;

  constructor(readonly sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Bytes `[position, position + size)` of the segment are at `indexOf(position)` afterwards. */
  async cover(file: File, segment: number, position: number, size: number, limit: number) {
    if (this.covers(segment, position, size)) return;
    const length = Math.min(limit - position, Math.max(size, this.sizeBytes));
    if (length > this.bytes.length) this.#resize(length);
    else if (this.bytes.length > this.sizeBytes && length <= this.sizeBytes) {
      this.#resize(this.sizeBytes);
    }
    this.#segment = -1; // not to be trusted until the read is done
    this.#length = await file.read(this.bytes.subarray(0, length), position);
    this.bytes.fill(0, this.#length, length); // a file cut short reads as zeros
    this.#length = length;
    this.#start = position;
    this.#segment = segment;
  }

  covers(segment: number, position: number, size: number): boolean {
    return segment === this.#segment && position >= this.#start &&
      position + size <= this.#start + this.#length;
  }

  indexOf(position: number): number {
    return position - this.#start;
  }

  /** One past the last position that is held. */
  get end(): number {
    return this.#start + this.#length;
  }

  #resize(size: number): void {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Steps over the frames of one segment; what is not a frame is reported once its end is known. */
export class FrameWalk {
  /** Where the frame returned last began. */
  frameAt = 0;
  #falseFrom = -1;

  constructor(
    readonly segment: number,
    public position: number,
    readonly onFalse: (fromByte: number, toByte: number) => void,
  ) {}

  /**
   * The next true header before `limit`; undefined when the window must first be moved to
   * `position`, or when `position` has reached the limit.
   */
  next(window: FrameWindow, limit: number): FrameHeader | undefined {
    while (this.position + FRAME_HEADER_BYTES <= limit) {
      if (!window.covers(this.segment, this.position, FRAME_HEADER_BYTES)) return undefined;
      const at = window.indexOf(this.position);
      const header = readFrameHeader(window.bytes, window.view, at, this.segment);
      if (header !== undefined && this.position + header.sizeBytes <= limit) {
        this.#closeFalse();
        this.frameAt = this.position;
        this.position += header.sizeBytes;
        return header;
      }
      if (this.#falseFrom < 0) this.#falseFrom = this.position;
      const end = window.indexOf(Math.min(window.end, limit));
      this.position += findMarker(window.bytes, at + 8, end) - at;
    }
    if (this.position < limit && this.#falseFrom < 0) this.#falseFrom = this.position;
    this.position = limit; // a last step may have gone over it
    this.#closeFalse();
    return undefined;
  }

  #closeFalse(): void {
    if (this.#falseFrom >= 0) this.onFalse(this.#falseFrom, this.position);
    this.#falseFrom = -1;
  }
}
