// zstd of pages, with one context each way that is used again and again.
// A call of zstdCompressSync or zstdDecompressSync costs 30 to 40 µs before it looks at a byte: it makes a
// stream with a context, and throws it away. A page of a block has some 3 KB, and a block of 80,000 spans
// 1,800 of them. The context alone, driven as node:zlib itself drives it, costs 3 µs.
// The contexts are reached through `_handle` and `_writeState`, the names they have in Node and in Deno. Whether
// that works is tried when it is first needed; if not, the documented calls are used: same bytes, slower.
// Rule: a frame is looked through before it is decoded, so that the context is never left within one.

import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { check, CorruptionError } from "../../lib/errors.ts";

/**
 * Level 1 costs about what snappy costs and saves a quarter of the bytes (block_writer_bench.ts). Level 2 takes
 * a few percent more time and saves another 1%: for what is kept longer.
 */
export type ZstdLevel = 1 | 2;

const optionsOf = (level: ZstdLevel) => ({
  params: { [constants.ZSTD_c_compressionLevel]: level },
});

/** What a stream of node:zlib has inside. */
interface Inside {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
  };
  /** After a write: room left in the output, bytes left of the input. */
  readonly _writeState: Uint32Array;
  readonly destroyed: boolean;
  on(event: "error", listener: () => void): void;
  destroy(): void;
}

class Context {
  #inside: Inside | undefined;

  constructor(readonly open: () => unknown, readonly flush: number) {}

  /** Returns how much was written to `output`; undefined if that was not all, or not possible. */
  run(input: Uint8Array, output: Uint8Array): number | undefined {
    const inside = this.#inside ??= this.#opened();
    try {
      inside._handle.writeSync(this.flush, input, 0, input.length, output, 0, output.length);
      const [roomLeft, bytesLeft] = inside._writeState;
      if (!inside.destroyed && bytesLeft === 0) return output.length - roomLeft!;
    } catch {
      // Node destroys the stream, Deno throws as well.
    }
    // In the midst of something: the next one begins anew.
    inside.destroy();
    this.#inside = undefined;
    return undefined;
  }

  #opened(): Inside {
    const inside = this.open() as Inside;
    inside.on("error", () => {}); // it has been destroyed, and that is looked at
    return inside;
  }
}

interface Contexts {
  readonly compress: Readonly<Record<ZstdLevel, Context>>;
  readonly decompress: Context;
}

let contexts: Contexts | undefined | null = null; // null: not tried yet
let room = new Uint8Array(0);

export function zstdCompress(bytes: Uint8Array, level: ZstdLevel): Uint8Array {
  const context = opened()?.compress[level];
  if (context !== undefined) {
    const sizeMax = boundOf(bytes.length);
    if (room.length < sizeMax) room = new Uint8Array(sizeMax * 2);
    const size = context.run(bytes, room);
    if (size !== undefined) return room.slice(0, size);
  }
  return zstdCompressSync(bytes, optionsOf(level));
}

/** Must come out at `sizeBytes`. There may be several frames: node:zlib may put an empty one at the end. */
export function zstdDecompress(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const context = opened()?.decompress;
  if (context === undefined) return decompressAnew(bytes, sizeBytes);
  // One byte more, so that a frame that is larger than it claims is seen to be.
  const output = new Uint8Array(sizeBytes + 1);
  let done = 0;
  for (let at = 0; at < bytes.length;) {
    const end = endOfFrame(bytes, at);
    const size = context.run(bytes.subarray(at, end), output.subarray(done));
    check(size !== undefined, `zstd: not ${sizeBytes} bytes`, at);
    done += size;
    at = end;
  }
  check(done === sizeBytes, `zstd: ${done} bytes, not ${sizeBytes}`, 0);
  return output.subarray(0, sizeBytes);
}

function decompressAnew(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, sizeBytes) });
  } catch (error) {
    throw new CorruptionError(`zstd: ${error instanceof Error ? error.message : error}`, 0);
  }
}

/** Whether contexts are kept, or the documented calls used. */
export function areContextsKept(): boolean {
  return opened() !== undefined;
}

function opened(): Contexts | undefined {
  if (contexts === null) contexts = tryToOpen();
  return contexts;
}

function tryToOpen(): Contexts | undefined {
  const sample = new TextEncoder().encode("zstd ".repeat(200));
  try {
    const compressing = (level: ZstdLevel) =>
      new Context(() => createZstdCompress(optionsOf(level)), constants.ZSTD_e_end);
    const made = {
      compress: { 1: compressing(1), 2: compressing(2) },
      decompress: new Context(() => createZstdDecompress(), constants.ZSTD_e_continue),
    };
    const expected = zstdCompressSync(sample, optionsOf(1));
    const packed = new Uint8Array(2000);
    const unpacked = new Uint8Array(2000);
    for (let round = 0; round < 2; round++) {
      const size = made.compress[1].run(sample, packed);
      if (size === undefined || !expected.equals(packed.subarray(0, size))) return undefined;
      if (made.decompress.run(packed.subarray(0, size), unpacked) !== sample.length) {
        return undefined;
      }
    }
    return made;
  } catch {
    return undefined;
  }
}

/** What so many bytes can become at most. */
function boundOf(sizeBytes: number): number {
  return sizeBytes + (sizeBytes >> 8) + 1024;
}

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];

/**
 * Where the frame ends that starts at `start`; what is inside its blocks is not looked at.
 * https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md
 */
function endOfFrame(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  const isFrame = start + 9 <= length && bytes[start] === MAGIC[0] &&
    bytes[start + 1] === MAGIC[1] && bytes[start + 2] === MAGIC[2] && bytes[start + 3] === MAGIC[3];
  check(isFrame, "zstd: not a frame", start);
  const descriptor = bytes[start + 4]!;
  const isSingleSegment = (descriptor & 32) !== 0;
  const sizeBytes = descriptor >> 6 === 0 && isSingleSegment
    ? 1
    : CONTENT_SIZE_BYTES[descriptor >> 6]!;
  const checksumBytes = (descriptor & 4) !== 0 ? 4 : 0;
  let at = start + 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + sizeBytes;
  for (let isLast = false; !isLast;) {
    check(at + 3 <= length, "zstd: frame ends early", at);
    const header = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16;
    isLast = (header & 1) !== 0;
    const isRun = (header >> 1 & 3) === 1;
    at += 3 + (isRun ? 1 : header >> 3);
  }
  check(at + checksumBytes <= length, "zstd: frame ends early", at);
  return at + checksumBytes;
}
