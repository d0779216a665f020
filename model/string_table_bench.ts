// Interning strings of about twenty bytes, known ones, a thousand at a time.
import { StringTable } from "./string_table.ts";

const encoder = new TextEncoder();

for (const count of [1_000, 1_000_000]) {
  const table = new StringTable();
  const texts = Array.from({ length: count }, (_, i) => encoder.encode(`some-string-${i * 7919}`));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + text.length, 0));
  const view = new DataView(bytes.buffer);
  const ends: number[] = [];
  let at = 0;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
    ends.push(at);
  }
  for (let i = 0; i < count; i++) table.intern(bytes, view, i === 0 ? 0 : ends[i - 1]!, ends[i]!);
  let next = 0;
  Deno.bench(`1,000 of ${count} known strings`, { group: "intern" }, () => {
    for (let i = 0; i < 1000; i++) {
      next = (next + 104_729) % count;
      table.intern(bytes, view, next === 0 ? 0 : ends[next - 1]!, ends[next]!);
    }
  });
}
