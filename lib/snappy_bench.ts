import { seededRandom } from "./random.ts";
import { snappyFrames } from "./snappy_frames.ts";
import { writeSnappyFrames } from "./snappy_write.ts";

const MEGABYTE = 1 << 20;
const noise = seededRandom(1).fill(new Uint8Array(MEGABYTE));
/** As columns of an answer are: small numbers, and words that come again. */
const columns = Uint8Array.from({ length: MEGABYTE }, (_, i) => {
  return i % 8 < 5 ? 0 : i % 8 === 5 ? i >>> 9 : noise[i >>> 3]! & 63;
});
const compressed = writeSnappyFrames(columns);

Deno.bench("snappy: 1 MiB of columns written", () => void writeSnappyFrames(columns));
Deno.bench("snappy: 1 MiB of noise written", () => void writeSnappyFrames(noise));
Deno.bench("snappy: 1 MiB of columns read", () => void snappyFrames(compressed, MEGABYTE));
