// What every partition log must do, whatever keeps it: run by the twin test of each. Nothing here
// asks for more than Kafka can give.
import assert from "node:assert/strict";
import { InputError } from "../lib/errors.ts";
import type { LogReader, LogWriter, NewRecord, ReadOptions } from "./log.ts";

/** A fresh log of two partitions that takes values up to 1 MB. */
export interface LogUnderTest extends AsyncDisposable {
  readonly writer: LogWriter;
  readonly reader: LogReader;
}

export function logContract(name: string, open: () => Promise<LogUnderTest>): void {
  const test = (behaviour: string, run: (log: LogUnderTest) => Promise<void>) =>
    Deno.test(`${name} ${behaviour}`, async () => {
      await using log = await open();
      await run(log);
    });

  test("gives back what was appended, in order, with the same bytes", async ({ writer, reader }) => {
    const offsets = await writer.append([record(0, "a", "one"), record(1, "b", "two")]);
    await writer.append([record(0, "c", "three")]);
    assert.deepEqual(offsets, [0, 0]);
    assert.deepEqual(await texts(reader, 0), ["a:one", "c:three"]);
    assert.deepEqual(await texts(reader, 1), ["b:two"]);
    assert.equal(await reader.endOffset(0), 2);
    assert.equal(await reader.startOffset(0), 0);
    assert.deepEqual([...reader.partitions], [0, 1]);
  });

  test("takes empty values, large values and any tenant", async ({ writer, reader }) => {
    const large = "x".repeat(1_000_000);
    await writer.append([record(0, "", ""), record(0, "mañana-☕", large), record(0, "t", "end")]);
    assert.deepEqual(await texts(reader, 0), [":", `mañana-☕:${large}`, "t:end"]);
  });

  test("gives concurrent appends their own offsets", async ({ writer, reader }) => {
    const names = Array.from({ length: 40 }, (_, i) => `r${i}`);
    const offsets = await Promise.all(
      names.map((name, i) => writer.append([record(i % 2, "t", name), record(0, "t", name + "+")])),
    );
    const expected: Record<number, string>[] = [{}, {}];
    offsets.forEach(([first, second], i) => {
      expected[i % 2]![first!] = `t:${names[i]}`;
      expected[0]![second!] = `t:${names[i]}+`;
    });
    assert.deepEqual(await texts(reader, 0), Object.values(expected[0]!));
    assert.deepEqual(await texts(reader, 1), Object.values(expected[1]!));
  });

  test("has written a value when append returns", async ({ writer, reader }) => {
    const bytes = new TextEncoder().encode("kept");
    const write = (to: Uint8Array, at: number) => to.set(bytes, at);
    const appended = writer.append([{ partition: 0, tenant: "t", sizeBytes: 4, write }]);
    bytes.fill(0);
    await appended;
    assert.deepEqual(await texts(reader, 0), ["t:kept"]);
  });

  test("reads on from any offset, a batch at a time", async ({ writer, reader }) => {
    const names = Array.from({ length: 20 }, (_, i) => `record ${i}`);
    await writer.append(names.map((name) => record(1, "t", name)));
    for (const from of [0, 7, 19]) {
      const expected = names.slice(from).map((name) => `t:${name}`);
      assert.deepEqual(await texts(reader, 1, from, 25), expected);
    }
    const { records, nextOffset } = await reader.read(1, 3, options({ bytesMax: 1 }));
    assert.deepEqual(records.map(({ offset }) => offset), [3]); // one, whatever its size
    assert.equal(nextOffset, 4);
  });

  test("answers at once and empty at the end", async ({ writer, reader }) => {
    const empty = await reader.read(0, 0, options());
    assert.deepEqual([empty.records, empty.nextOffset, empty.endOffset ?? 0], [[], 0, 0]);
    await writer.append([record(0, "t", "one")]);
    const after = await reader.read(0, 1, options());
    assert.deepEqual([after.records, after.nextOffset, after.endOffset ?? 1], [[], 1, 1]);
  });

  test("wakes a reader that waits", async ({ writer, reader }) => {
    const waiting = reader.read(0, 0, options({ waitMs: 60_000 }));
    await writer.append([record(1, "t", "not for it")]);
    await writer.append([record(0, "t", "one")]);
    let { records, nextOffset } = await waiting;
    while (records.length === 0) {
      ({ records, nextOffset } = await reader.read(0, nextOffset, options({ waitMs: 60_000 })));
    }
    assert.equal(new TextDecoder().decode(records[0]!.value), "one");
  });

  test("lets a waiting reader go when told to stop", async ({ reader }) => {
    const stop = new AbortController();
    const waiting = reader.read(0, 0, { ...options({ waitMs: 60_000 }), signal: stop.signal });
    const reason = new Error("stopping");
    stop.abort(reason);
    await assert.rejects(waiting, reason);
    await assert.rejects(reader.read(0, 0, { ...options(), signal: stop.signal }), reason);
  });

  test("remembers the highest committed offset of each group", async ({ writer, reader }) => {
    await writer.append([1, 2, 3].map((i) => record(0, "t", `${i}`)));
    assert.equal(await reader.committedOffset("g", 0), undefined);
    await Promise.all([reader.commit("g", 0, 1), reader.commit("g", 0, 2)]);
    await reader.commit("g", 0, 1);
    await reader.commit("other", 0, 3);
    assert.equal(await reader.committedOffset("g", 0), 2);
    assert.equal(await reader.committedOffset("g", 1), undefined);
    assert.equal(await reader.committedOffset("other", 0), 3);
  });

  test("refuses what it cannot keep, whole", async ({ writer, reader }) => {
    const tooLarge = [record(0, "t", "fits"), record(0, "t", "x".repeat((1 << 20) + 1))];
    await assert.rejects(writer.append(tooLarge), InputError);
    await assert.rejects(writer.append([record(9, "t", "x")]), /there is no partition 9/);
    await assert.rejects(reader.read(9, 0, options()), /there is no partition 9/);
    assert.deepEqual(await texts(reader, 0), []);
  });
}

export function record(partition: number, tenant: string, text: string): NewRecord {
  const bytes = new TextEncoder().encode(text);
  const write = (to: Uint8Array, at: number) => to.set(bytes, at);
  return { partition, tenant, sizeBytes: bytes.length, write };
}

export function options(parts: Partial<ReadOptions> = {}): ReadOptions {
  return { bytesMax: 1 << 20, waitMs: 0, signal: new AbortController().signal, ...parts };
}

/** `tenant:value` of all records from an offset. */
export async function texts(
  reader: LogReader,
  partition: number,
  from = 0,
  bytesMax = 1 << 20,
): Promise<string[]> {
  const found: string[] = [];
  let next = from;
  while (next < await reader.endOffset(partition)) {
    const { records, nextOffset } = await reader.read(partition, next, options({ bytesMax }));
    for (const { tenant, value, offset } of records) {
      assert.ok(offset >= next, "in order, none twice");
      next = offset + 1;
      found.push(`${tenant}:${new TextDecoder().decode(value)}`);
    }
    assert.ok(nextOffset >= next && (nextOffset > next || records.length > 0), "goes on");
    next = nextOffset;
  }
  return found;
}
