// Each decoding over 80,000 values, as a row group has them: divide by the time of an iteration.
//   deno bench -A storage/parquet/decodings_bench.ts
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ByteWriter } from "../../lib/byte_writer.ts";
import { seededRandom } from "../../lib/random.ts";
import { ByteArrays } from "./byte_arrays.ts";
import { decodeDelta32, decodeDelta64, decodeRle } from "./decodings.ts";
import { encodeDelta, encodeDelta64, encodeRle } from "./encodings.ts";

const COUNT = 80_000;
const random = seededRandom(7);
const below = (n: number) => Math.floor(random.next() * n);
const times = new BigInt64Array(COUNT);
for (let i = 0, now = 1_767_268_800_000_000_000n; i < COUNT; i++) {
  now += BigInt(below(4_000_000));
  times[i] = now;
}

function written(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(1 << 20);
  write(out);
  return out.written().slice();
}

for (const width of [3, 8, 17]) {
  const values = Int32Array.from({ length: COUNT }, () => below(2 ** width));
  const bytes = written((out) => encodeRle(out, values, 0, COUNT, width));
  const into = width === 3 ? new Uint8Array(COUNT) : new Int32Array(COUNT);
  Deno.bench(`${width === 3 ? "levels" : "dictionary codes"} of ${width} bits`, () => {
    decodeRle(new ByteCursor(bytes), width, into, 0, COUNT);
  });
}

{
  const values = Int32Array.from({ length: COUNT }, () => below(6));
  const bytes = written((out) => encodeDelta(out, values, 0, COUNT));
  const into = new Int32Array(COUNT);
  Deno.bench("small integers, delta packed", () => {
    decodeDelta32(new ByteCursor(bytes), into, 0, COUNT);
  });
}

{
  const bytes = written((out) => encodeDelta64(out, times));
  const into = new Uint32Array(COUNT * 2);
  Deno.bench("timestamps, delta packed", () => {
    decodeDelta64(new ByteCursor(bytes), into, 0, COUNT);
  });
}

{
  const texts = Array.from({ length: COUNT }, (_, i) => new TextEncoder().encode(`/orders/${i}`));
  const bytes = written((out) => {
    for (const text of texts) {
      out.u32(text.length);
      out.append(text);
    }
  });
  Deno.bench("strings of a dictionary", () => {
    new ByteArrays().appendPlain(new ByteCursor(bytes), COUNT);
  });
  const dictionary = new ByteArrays();
  dictionary.appendPlain(new ByteCursor(bytes), COUNT);
  for (let i = 0; i < 8; i++) dictionary.indexOf("/orders/none");
  Deno.bench("a string that a dictionary of 80,000 lacks", () => {
    dictionary.indexOf("/orders/missing");
  });
}
