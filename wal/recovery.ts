// What a log finds in its directory when it is opened. Rules:
// - Of a segment that others followed, a later head says how much is part of the log.
// - The newest segment ends behind its last true frame; what follows is the torn tail of a crash,
//   never acknowledged.
// - What is false before a true frame is damage if that frame says it was durable when it was
//   written. If not, it belongs to the last group, whose pages a power cut may have written in any
//   order: torn as well, but the true frames behind it are kept.
// - No offset that may have been acknowledged is given out again, even if its record is lost.
import type { Directory, File } from "../lib/fs.ts";
import { decodeMark } from "./append_group.ts";
import { FRAME_HEADER_BYTES, isBodyTrue, MARK_FRAME, RECORD_FRAME } from "./frame.ts";
import { FrameWalk, FrameWindow } from "./frame_window.ts";
import type { KeptSegment } from "./retention.ts";
import {
  listSegments,
  readSegmentHead,
  type SegmentHead,
  segmentName,
  type Stretch,
} from "./segment_head.ts";

export interface Recovered {
  readonly segments: readonly KeptSegment[];
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly torn: readonly Stretch[];
  /** False bytes that were durable once. */
  readonly damaged: readonly Stretch[];
  /** Files without a single true frame, and those that a later head does not know. */
  readonly unused: readonly number[];
  readonly lastSegment: number;
}

export interface Survey {
  readonly endBytes: number;
  readonly firstOffsets: Map<number, number>;
  readonly nextOffsets: Map<number, number>;
  readonly torn: readonly Stretch[];
  readonly damaged: readonly Stretch[];
}

const WINDOW_BYTES = 4 << 20;

export async function recover(directory: Directory): Promise<Recovered> {
  const numbers = await listSegments(directory);
  const heads: (SegmentHead | undefined)[] = [];
  for (const segment of numbers) {
    const read = (file: File) => readSegmentHead(file, segment);
    heads.push(await withSegment(directory, segment, read));
  }
  const newest = heads.findLast((head) => head !== undefined);
  const window = new FrameWindow(WINDOW_BYTES);
  const segments: KeptSegment[] = [];
  const nextOffsets = new Map(newest?.nextOffsets);
  const torn: Stretch[] = [...newest?.torn ?? []];
  const damaged: Stretch[] = [];
  const unused: number[] = [];
  for (const [i, segment] of numbers.entries()) {
    const head = heads[i];
    const endBytes = newest?.endBytes.get(segment);
    if (head !== undefined && endBytes !== undefined) {
      segments.push({
        segment,
        createdMs: head.createdMs,
        endBytes,
        nextOffsets: head.nextOffsets,
      });
      continue;
    }
    if (newest !== undefined && segment < newest.segment && endBytes === undefined) {
      unused.push(segment);
      continue;
    }
    // The newest, or one that its head does not describe: only its frames can tell.
    const survey = await withSegment(directory, segment, (file) => {
      return surveySegment(file, segment, window, {
        startBytes: head?.sizeBytes ?? 0,
        endBytes,
        nextOffsets: head?.nextOffsets ?? nextOffsets,
      });
    });
    // Behind the last true head it begins where the segments before it ended.
    const isLast = segment > (newest?.segment ?? 0);
    const firstOffsets = isLast ? new Map(nextOffsets) : survey.firstOffsets;
    for (const [partition, offset] of survey.nextOffsets) {
      nextOffsets.set(partition, Math.max(offset, nextOffsets.get(partition) ?? 0));
    }
    torn.push(...survey.torn);
    damaged.push(...survey.damaged);
    if (survey.endBytes === 0) {
      unused.push(segment);
      continue;
    }
    const createdMs = head?.createdMs ?? segments.at(-1)?.createdMs ?? 0;
    const begin = head?.nextOffsets ?? firstOffsets;
    segments.push({ segment, createdMs, endBytes: survey.endBytes, nextOffsets: begin });
  }
  const kept = torn.filter(({ segment }) => numbers.includes(segment));
  return { segments, nextOffsets, torn: kept, damaged, unused, lastSegment: numbers.at(-1) ?? 0 };
}

/** Also what a reader falls back on where a head is damaged. */
export async function surveySegment(
  file: File,
  segment: number,
  window: FrameWindow,
  known: {
    readonly startBytes: number;
    readonly endBytes: number | undefined;
    readonly nextOffsets: ReadonlyMap<number, number>;
  },
): Promise<Survey> {
  const knownEndBytes = known.endBytes;
  const sizeBytes = await file.sizeBytes();
  const limit = Math.min(sizeBytes, knownEndBytes ?? sizeBytes);
  const firstOffsets = new Map<number, number>();
  const nextOffsets = new Map(known.nextOffsets);
  const seen = (partition: number, offset: number) =>
    nextOffsets.set(partition, Math.max(offset, nextOffsets.get(partition) ?? 0));
  const holes: Stretch[] = [];
  const hole = (fromByte: number, toByte: number) => holes.push({ segment, fromByte, toByte });
  const walk = new FrameWalk(segment, known.startBytes, hole);
  let endBytes = Math.min(walk.position, limit);
  let durableBytes = knownEndBytes ?? 0;
  while (walk.position < limit) {
    await window.cover(file, segment, walk.position, FRAME_HEADER_BYTES, limit);
    for (let header; (header = walk.next(window, limit)) !== undefined;) {
      const { frameAt } = walk;
      const { partition, offset, sizeBytes } = header;
      await window.cover(file, segment, frameAt, sizeBytes, limit);
      const at = window.indexOf(frameAt);
      if (header.kind === RECORD_FRAME) {
        // A true header vouches for its offset, whatever has become of the body.
        seen(partition, offset + 1);
        if (!firstOffsets.has(partition)) firstOffsets.set(partition, offset);
      }
      if (!isBodyTrue(window.bytes, at, header, segment)) {
        hole(frameAt, frameAt + sizeBytes);
        continue;
      }
      endBytes = frameAt + sizeBytes;
      durableBytes = Math.max(durableBytes, header.durableBytes);
      if (header.kind === MARK_FRAME) {
        const bodyAt = at + FRAME_HEADER_BYTES;
        const body = window.bytes.subarray(bodyAt, bodyAt + header.valueSize);
        for (const [partition, offset] of decodeMark(body)) seen(partition, offset);
      }
    }
  }
  if (knownEndBytes !== undefined) {
    return { endBytes: knownEndBytes, firstOffsets, nextOffsets, torn: [], damaged: holes };
  }
  endBytes = Math.max(endBytes, durableBytes);
  const inside = holes.filter(({ fromByte }) => fromByte < endBytes);
  const torn = inside.filter(({ fromByte }) => fromByte >= durableBytes);
  const damaged = inside.filter(({ fromByte }) => fromByte < durableBytes);
  if (sizeBytes > endBytes) torn.push({ segment, fromByte: endBytes, toByte: sizeBytes });
  // A hole may have held as many records as frames fit into it; a torn tail, one that was damaged.
  const lostMax = inside.reduce((sum, { fromByte, toByte }) => {
    return sum + Math.ceil((toByte - fromByte) / FRAME_HEADER_BYTES);
  }, holes.length > inside.length ? 1 : 0);
  for (const [partition, offset] of nextOffsets) nextOffsets.set(partition, offset + lostMax);
  return { endBytes, firstOffsets, nextOffsets, torn, damaged };
}

export async function withSegment<T>(
  directory: Directory,
  segment: number,
  use: (file: File) => Promise<T>,
): Promise<T> {
  const file = await directory.open(segmentName(segment), "read");
  try {
    return await use(file);
  } finally {
    file.close();
  }
}
