import assert from "node:assert/strict";
import { readIds, readTraces, recordSize, type TraceMessage, writeRecord } from "./record.ts";

interface GoldenRecord {
  readonly key_hex: string;
  readonly value_hex: string;
  readonly value_bytes: number;
  readonly traceIDs: readonly string[];
}

const folder = new URL("../tests/golden/kafka/", import.meta.url);

function goldenRecords(): GoldenRecord[] {
  return [...Deno.readDirSync(folder)]
    .filter(({ name }) => /^\d.*\.json$/.test(name))
    .flatMap(({ name }) => JSON.parse(Deno.readTextFileSync(new URL(name, folder))).records ?? [])
    .filter(({ value_hex }) => value_hex !== undefined);
}

Deno.test("a record of the peer's is read, and written again is the same bytes", () => {
  const records = goldenRecords();
  assert.ok(records.length > 4, `${records.length} records`);
  let withoutFlag = 0;
  for (const { value_hex, traceIDs } of records) {
    const value = Uint8Array.fromHex(value_hex);
    const messages: Uint8Array[] = [];
    const ids: Uint8Array[] = [];
    readTraces(value, (bytes) => messages.push(bytes));
    readIds(value, (id) => ids.push(id));
    assert.deepEqual(ids.map((id) => id.toHex()), traceIDs);
    const traces = messages.map((bytes, i): TraceMessage => ({
      traceId: ids[i]!,
      bytes,
      spanCount: 0,
    }));
    const size = recordSize(traces);
    const again = new Uint8Array(size + 8).fill(0xee);
    assert.equal(writeRecord(traces, again, 4), size + 4);
    assert.equal(again.subarray(0, 4).toHex() + again.subarray(-4).toHex(), "ee".repeat(8));
    // The flag that skips metrics generation is a field of its own at the end.
    if (size !== value.length) continue;
    withoutFlag++;
    assert.equal(again.subarray(4, 4 + size).toHex(), value_hex);
  }
  assert.ok(withoutFlag > 3, `${withoutFlag} without`);
});

Deno.test("unknown fields of a record are skipped and damage is an error", () => {
  const value = Uint8Array.fromHex("4801" + "1203" + "0a0100" + "5a02ffff");
  const messages: string[] = [];
  readTraces(value, (bytes) => messages.push(bytes.toHex()));
  assert.deepEqual(messages, ["0a0100"]);
  assert.throws(() => readTraces(value.subarray(0, 6), () => {}), /exceeds its message/);
});
