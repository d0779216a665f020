// Whether bytes are zstd to their very end. The runtime's decoder gives what it has when its input
// ends early, without a word; an index that lost its tail would be a list that lost blocks.
// Format: RFC 8878 §3.1.
//
//   magic · descriptor, window, dictionary id, content size · (u24 block head · body)… · checksum
//           block head: bit 0 last · bits 1–2 type (1: one byte repeated, 3: reserved) · bits 3–23 size

const MAGIC = 0xfd2fb528;
/** And fifteen more. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const REPEATED = 1;
const RESERVED = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

export function isWholeZstd(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frames = 0;
  let at = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) return false;
    const magic = view.getUint32(at, true);
    const isSkippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    if (!isSkippable && magic !== MAGIC) return false;
    const next = isSkippable ? at + 8 + view.getUint32(at + 4, true) : frameEnd(view, at + 4);
    if (next === undefined) return false;
    if (!isSkippable) frames++;
    at = next;
  }
  return frames > 0 && at === bytes.length;
}

function frameEnd(view: DataView, descriptorAt: number): number | undefined {
  const descriptor = view.getUint8(descriptorAt);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >>> 6;
  // Of a single segment a size is always said.
  const sizeBytes = sizeCode === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeCode]!;
  const windowBytes = isSingleSegment ? 0 : 1;
  let at = descriptorAt + 1 + windowBytes + DICTIONARY_ID_BYTES[descriptor & 3]! + sizeBytes;
  for (let isLast = false; !isLast;) {
    if (at + 3 > view.byteLength) return undefined;
    const head = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
    const type = head >>> 1 & 3;
    if (type === RESERVED) return undefined;
    isLast = (head & 1) === 1;
    at += 3 + (type === REPEATED ? 1 : head >>> 3);
  }
  return (descriptor & 4) === 0 ? at : at + 4;
}
