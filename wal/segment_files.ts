// The segment files as a reader sees them: opened once, a few at a time, with what their heads say.
import { NotFoundError } from "../lib/errors.ts";
import type { Directory, File } from "../lib/fs.ts";
import type { FrameWindow } from "./frame_window.ts";
import { surveySegment } from "./recovery.ts";
import { readSegmentHead, type SegmentHead, segmentName } from "./segment_head.ts";

const OPEN_FILES_MAX = 4;

interface KnownHead {
  /** Undefined where it is damaged. */
  readonly head: SegmentHead | undefined;
  readonly firstOffsets: ReadonlyMap<number, number>;
}

export class SegmentFiles {
  readonly #directory: Directory;
  readonly #window: FrameWindow;
  readonly #files = new Map<number, File>();
  readonly #heads = new Map<number, KnownHead>();

  constructor(directory: Directory, window: FrameWindow) {
    this.#directory = directory;
    this.#window = window;
  }

  /** Throws NotFoundError for a segment that has been removed. */
  async open(segment: number): Promise<File> {
    let file = this.#files.get(segment);
    if (file === undefined) {
      for (const [oldest] of this.#files) {
        if (this.#files.size >= OPEN_FILES_MAX) this.#closeFile(oldest);
      }
      file = await this.#directory.open(segmentName(segment), "read");
    }
    this.#files.delete(segment); // the one used last stands last
    this.#files.set(segment, file);
    return file;
  }

  /** Where its first frame begins; 0 where the head is damaged, so that the walk finds the hole. */
  async startBytes(segment: number): Promise<number> {
    return (await this.#known(segment)).head?.sizeBytes ?? 0;
  }

  /** A lower bound of each partition's offsets in it. */
  async firstOffsets(segment: number): Promise<ReadonlyMap<number, number>> {
    return (await this.#known(segment)).firstOffsets;
  }

  /**
   * How much of a segment that others followed, up to `newest`, is part of the log: as the next true
   * head has it. Undefined where that does not know it: removed, or begun in vain.
   */
  async endBytes(segment: number, newest: number): Promise<number | undefined> {
    for (let later = segment + 1; later <= newest; later++) {
      try {
        const { head } = await this.#known(later);
        if (head !== undefined) return head.endBytes.get(segment);
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
    }
    return await (await this.open(segment)).sizeBytes();
  }

  forgetBefore(firstSegment: number): void {
    for (const segment of this.#heads.keys()) {
      if (segment < firstSegment) this.#heads.delete(segment);
    }
    for (const segment of this.#files.keys()) {
      if (segment < firstSegment) this.#closeFile(segment);
    }
  }

  close(): void {
    for (const segment of this.#files.keys()) this.#closeFile(segment);
  }

  async #known(segment: number): Promise<KnownHead> {
    const known = this.#heads.get(segment);
    if (known !== undefined) return known;
    const file = await this.open(segment);
    const head = await readSegmentHead(file, segment);
    const read = { head, firstOffsets: head?.nextOffsets ?? await this.#survey(file, segment) };
    this.#heads.set(segment, read);
    return read;
  }

  async #survey(file: File, segment: number): Promise<ReadonlyMap<number, number>> {
    const survey = await surveySegment(file, segment, this.#window, {
      startBytes: 0,
      endBytes: await file.sizeBytes(),
      nextOffsets: new Map(),
    });
    return survey.firstOffsets;
  }

  #closeFile(segment: number): void {
    this.#files.get(segment)?.close();
    this.#files.delete(segment);
  }
}
