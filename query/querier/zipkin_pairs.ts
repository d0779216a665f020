// Client and server spans that share one span id, as Zipkin makes them, told apart for whoever draws a
// tree: the server span gets an unused id, the client becomes its parent, and what was under the
// shared id comes under the server span.
import type { SpanColumns } from "../../model/span_columns.ts";

const SERVER = 2, CLIENT = 3; // OTLP

/** Changes ids of these rows, which are the spans of one trace. */
export function separateZipkinPairs(columns: SpanColumns, rows: Int32Array): void {
  const { spanId, parentId, kind } = columns;
  const clients = new Set<bigint>();
  for (const row of rows) if (kind[row] === CLIENT) clients.add(idOf(spanId, row));
  const servers = new Map<bigint, number[]>();
  for (const row of rows) {
    const id = idOf(spanId, row);
    if (kind[row] !== SERVER || !clients.has(id)) continue;
    const others = servers.get(id);
    if (others === undefined) servers.set(id, [row]);
    else others.push(row);
  }
  if (servers.size === 0) return;

  const used = new Set<bigint>();
  for (const row of rows) used.add(idOf(spanId, row));
  let next = 1;
  /** By shared id: the first server span and its new id. */
  const renamed = new Map<bigint, { readonly row: number; readonly word: number }>();
  for (const [id, sharing] of servers) {
    for (const row of sharing) {
      while (used.has(BigInt(swapped(next)) << 32n)) next++;
      const word = swapped(next++);
      if (!renamed.has(id)) renamed.set(id, { row, word });
      parentId[row * 2] = spanId[row * 2]!;
      parentId[row * 2 + 1] = spanId[row * 2 + 1]!;
      columns.oddities.parentIds.delete(row);
      spanId[row * 2] = 0;
      spanId[row * 2 + 1] = word;
    }
  }
  const isServer = new Set([...servers.values()].flat());
  for (const row of rows) {
    const server = renamed.get(idOf(parentId, row));
    if (server === undefined || isServer.has(row)) continue;
    parentId[row * 2] = 0;
    parentId[row * 2 + 1] = server.word;
  }
}

/** The two words of an id as one key; which end is high does not matter. */
function idOf(words: Uint32Array, row: number): bigint {
  return BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);
}

/** The last four bytes of an id that counts from 1, as a word read little-endian. */
function swapped(count: number): number {
  return ((count & 0xff) << 24 | (count & 0xff00) << 8 | (count >> 8) & 0xff00 | count >>> 24) >>>
    0;
}
