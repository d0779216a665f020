// Id columns: byte strings of one length, or empty where the id is all zero.

import { encodeDelta } from "../parquet/encodings.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { ChunkOutput, Steps } from "./chunk_output.ts";
import type { Leaf } from "./schema.ts";

const encoder = new TextEncoder();

/** `odd` has, by row, ids that are not as long as they should be, or zero and yet not empty. */
export function idColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  words: Uint32Array,
  sizeBytes: 8 | 16,
  odd: ReadonlyMap<number, Uint8Array> | undefined = undefined,
): Steps {
  const wordCount = sizeBytes / 4;
  const isOdd = odd !== undefined && odd.size > 0;
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const lengths = output.codes(to - from);
    const { body } = output;
    body.clear();
    body.reserve((to - from) * sizeBytes);
    let count = 0;
    for (let i = from; i < to; i++) {
      const row = list.row[i]!;
      if (row < 0) continue;
      const bytes = isOdd ? odd.get(row) : undefined;
      if (bytes !== undefined) {
        lengths[count++] = bytes.length;
        body.append(bytes);
        body.reserve((to - i) * sizeBytes);
        continue;
      }
      let any = 0;
      for (let k = 0; k < wordCount; k++) {
        const word = words[row * wordCount + k]!;
        any |= word;
        body.view.setUint32(body.length + k * 4, word, true);
      }
      lengths[count++] = any === 0 ? 0 : sizeBytes;
      if (any !== 0) body.length += sizeBytes;
    }
    encodeDelta(output.values, lengths, 0, count);
    output.values.append(body.written());
    return count;
  });
}

/** Ids of traces, ascending: `words` holds them in the order of the list, with bounds per page. */
export function traceIdColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  words: Uint32Array,
): Steps {
  const bytes = bytesOf(words);
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const lengths = output.codes(to - from).fill(16, 0, to - from);
    encodeDelta(output.values, lengths, 0, to - from);
    output.values.append(bytes.subarray(from * 16, to * 16));
    output.bounds = {
      min: bytes.slice(from * 16, from * 16 + 16),
      max: bytes.slice(to * 16 - 16, to * 16),
    };
    return to - from;
  });
}

/** The same as text: hex without leading zeros. */
export function traceIdTextColumn(
  output: ChunkOutput,
  leaf: Leaf,
  list: ListLevels,
  words: Uint32Array,
): Steps {
  const bytes = bytesOf(words);
  return output.pages(leaf, list, (stripe) => list.encoded(stripe), (from, to) => {
    const lengths = output.codes(to - from);
    const { body } = output;
    body.clear();
    for (let i = from; i < to; i++) {
      const text = bytes.subarray(i * 16, i * 16 + 16).toHex().replace(/^0+/, "");
      lengths[i - from] = text.length;
      body.append(encoder.encode(text));
    }
    encodeDelta(output.values, lengths, 0, to - from);
    output.values.append(body.written());
    return to - from;
  });
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
