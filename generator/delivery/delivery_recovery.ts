// What a former life has left of a delivery log: its segments as far as they are true, what its newest collection has
// counted, and how new each series is.
import { CorruptionError } from "../../lib/errors.ts";
import type { Directory, File } from "../../lib/fs.ts";
import type { Logger } from "../../lib/log.ts";
import type { Collection } from "./collection.ts";
import { CollectionDecoder } from "./collection_codec.ts";
import type { LogCounts } from "./delivery_metrics.ts";
import {
  FRAME_HEADER_BYTES,
  readFrame,
  readHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
} from "./segment.ts";
import type { SeriesIndex } from "./series_index.ts";

export interface Segment {
  readonly number: number;
  readonly createdMs: number;
  /** Of its newest collection, or its creation. */
  newestMs: number;
  /** One past its last true frame. */
  end: number;
}

export interface RecoveredLog {
  readonly segments: Segment[];
  readonly nextOffsets: ReadonlyMap<number, number>;
}

/** `rememberedMs`: series that are older need not be remembered. */
export async function recoverSegments(
  directory: Directory,
  log: Logger,
  counts: LogCounts,
  index: SeriesIndex,
  rememberedMs: number,
): Promise<RecoveredLog> {
  const segments: Segment[] = [];
  let nextOffsets: ReadonlyMap<number, number> = new Map();
  const visit = (collection: Collection) => {
    nextOffsets = collection.nextOffsets;
    if (collection.timeMs >= rememberedMs) remember(index, collection);
  };
  const torn = (error: CorruptionError, lostBytes: number) => {
    counts.corruptions.inc();
    log.warn("what a crash has torn is not read", { error: error.message, lostBytes });
  };
  const numbers = (await directory.list()).map(segmentNumber).filter((one) => one !== undefined);
  for (const number of numbers.sort((a, b) => a - b)) {
    const name = segmentName(number);
    const file = await directory.open(name, "read");
    let segment: Segment | undefined;
    try {
      segment = await readSegment(file, number, visit, torn);
    } finally {
      file.close();
    }
    if (segment !== undefined) segments.push(segment);
    else {
      log.warn("a segment that was begun in vain is removed", { segment: name });
      await directory.remove(name);
    }
  }
  return { segments, nextOffsets };
}

/** Undefined for what is no segment, or was never finished. */
async function readSegment(
  file: File,
  number: number,
  visit: (collection: Collection) => void,
  torn: (error: CorruptionError, lostBytes: number) => void,
): Promise<Segment | undefined> {
  const header = await readHeader(file, number);
  if (header === undefined) return undefined;
  const { createdMs } = header;
  const segment = { number, createdMs, newestMs: createdMs, end: SEGMENT_HEADER_BYTES };
  const sizeBytes = await file.sizeBytes();
  const decoder = new CollectionDecoder();
  try {
    while (segment.end < sizeBytes) {
      const payload = await readFrame(file, number, segment.end, sizeBytes);
      const collection = decoder.decode(payload);
      segment.end += FRAME_HEADER_BYTES + payload.length;
      segment.newestMs = Math.max(segment.newestMs, collection.timeMs);
      visit(collection);
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    torn(error, sizeBytes - segment.end);
  }
  return segment;
}

function remember(index: SeriesIndex, { series }: Collection): void {
  for (const { labels, points } of series) {
    const newest = points.at(-1);
    if (newest === undefined) continue;
    const entry = index.of(labels);
    entry.newestMs = Math.max(entry.newestMs, newest.timeMs);
    entry.isFormer = true;
  }
}
