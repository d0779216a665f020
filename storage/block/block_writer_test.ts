import assert from "node:assert/strict";
import fc from "fast-check";
import { dataKey, metaKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { type ColumnText, columnText, joined } from "../../tests/support/column_text.ts";
import { describeSpans } from "../../tests/support/describe.ts";
import { goldenColumns } from "../../tests/support/golden_blocks.ts";
import { allGoldenSpans } from "../../tests/support/golden_traces.ts";
import { encodeOtlp, requests } from "../../tests/support/otlp.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { ParquetFile } from "../parquet/file.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { writeBlock, type WriteBlockRequest } from "./block_writer.ts";

const T0_MS = 1_767_268_800_000;
const TENANT = "single-tenant";
const BLOCK = "5a6b0000-0000-4000-8000-000000000001";

function requestOf(
  columns: SpanColumns,
  changes: Partial<WriteBlockRequest> = {},
): WriteBlockRequest {
  return {
    tenant: TENANT,
    blockId: BLOCK,
    columns,
    codec: "zstd",
    clampStartMs: T0_MS - 60_000,
    clampEndMs: T0_MS + 7_200_000,
    replicationFactor: 1,
    hasNoCompactFlag: false,
    ...changes,
  };
}

async function written(columns: SpanColumns, changes: Partial<WriteBlockRequest> = {}) {
  const store = new MemoryObjectStore();
  const signal = new AbortController().signal;
  const meta = await writeBlock(
    store,
    requestOf(columns, changes),
    () => Promise.resolve(),
    signal,
  );
  const bytes = await store.read(dataKey(TENANT, BLOCK));
  const file = await ParquetFile.open({
    sizeBytes: bytes.length,
    read: (offset, size) => Promise.resolve(bytes.subarray(offset, offset + size)),
  });
  return { store, meta, bytes, file };
}

/** Every column of a file as text, its row groups joined. */
async function textsOf(file: ParquetFile): Promise<Map<string, ColumnText>> {
  const texts = new Map<string, ColumnText>();
  for (const golden of goldenColumns("v5-default")) {
    const parts: ColumnText[] = [];
    for (const group of file.metadata.rowGroups) {
      parts.push(columnText((await file.column(group, golden.path))!, golden));
    }
    texts.set(golden.path, joined(parts));
  }
  return texts;
}

function decoded(messages: readonly Uint8Array[]): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of messages) decoder.decode(message);
  return columns;
}

Deno.test("row groups of any size hold the same columns, cut between traces", async () => {
  const columns = allGoldenSpans();
  const whole = await textsOf((await written(columns)).file);
  for (const spansPerRowGroup of [1, 7, 100, 700]) {
    const { file, meta, store } = await written(columns, { spansPerRowGroup });
    assert.deepEqual(await textsOf(file), whole);
    assert.equal(meta.totalRecords, file.metadata.rowGroups.length);
    assert.ok(meta.totalRecords > 1);
    const index = JSON.parse(
      new TextDecoder().decode(await store.read(`${TENANT}/${BLOCK}/index`)),
    );
    assert.equal(index.rowGroups.length, meta.totalRecords);
    assert.equal(index.rowGroups.at(-1), "/////////////////////w==");
  }
});

Deno.test("meta.json comes last, the flag first; its sizes are those of the data", async () => {
  const { store, meta, bytes } = await written(allGoldenSpans(), { hasNoCompactFlag: true });
  const keys: string[] = [];
  const order = new MemoryObjectStore();
  const write = order.write.bind(order);
  order.write = (key, ...rest) => (keys.push(key), write(key, ...rest));
  const signal = new AbortController().signal;
  const request = requestOf(allGoldenSpans(), { hasNoCompactFlag: true });
  await writeBlock(order, request, () => Promise.resolve(), signal);
  assert.deepEqual(keys.map((key) => key.split("/").at(-1)), [
    "nocompact.flg",
    "data.parquet",
    "bloom-0",
    "index",
    "meta.json",
  ]);
  assert.equal(meta.size, bytes.length);
  assert.equal(
    meta.footerSize,
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true),
  );
  const text = new TextDecoder().decode(await store.read(metaKey(TENANT, BLOCK)));
  assert.deepEqual(JSON.parse(text), meta);
  assert.equal(meta.startTime, "2026-01-01T11:59:00Z");
  assert.equal(meta.endTime, "2026-01-01T13:00:01Z");
});

Deno.test("writing that is stopped leaves no meta.json, whenever it is", async () => {
  const columns = decoded(realisticTraces(30_000));
  let pauses = 0;
  await written(columns);
  for (const stopAt of [1, 3, 20, 40]) {
    const store = new MemoryObjectStore();
    const stop = new AbortController();
    pauses = 0;
    const pause = () => {
      if (++pauses === stopAt) stop.abort(new Error("stopped"));
      return Promise.resolve();
    };
    await assert.rejects(writeBlock(store, requestOf(columns), pause, stop.signal), /stopped/);
    const { objects } = await store.list("");
    assert.ok(objects.every(({ key }) => !key.endsWith("meta.json") && !key.endsWith("parquet")));
  }
});

Deno.test("writing leaves the columns as they were, and recycled columns give the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(requests, { maxLength: 3 }),
      fc.array(requests, { minLength: 1, maxLength: 3 }),
      async (first, second) => {
        const messages = second.map(encodeOtlp);
        const fresh = decoded(messages);
        if (fresh.length === 0) return;
        const recycled = new SpanColumns(defaultDedicated);
        const decoder = new OtlpDecoder(recycled);
        for (const request of first) decoder.decode(encodeOtlp(request));
        if (recycled.length > 0) await written(recycled);
        decoder.reset();
        for (const message of messages) decoder.decode(message);
        const before = describeSpans(recycled);
        const expected = (await written(fresh)).bytes;
        assert.deepEqual((await written(recycled)).bytes, expected);
        assert.deepEqual((await written(recycled)).bytes, expected);
        assert.deepEqual(describeSpans(recycled), before);
        assert.equal(recycled.sizeBytes, fresh.sizeBytes);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("bounds of chunks and pages hold every value and are reached", async () => {
  const columns = allGoldenSpans();
  const { file } = await written(columns, { spansPerRowGroup: 500 });
  const paths = [
    "StartTimeUnixNano",
    "EndTimeUnixNano",
    "rs.ss.Spans.StartTimeUnixNano",
    "rs.ss.Spans.DurationNano",
    "rs.ss.Spans.StatusCode",
  ];
  const valueOf = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  for (const path of paths) {
    for (const group of file.metadata.rowGroups) {
      const column = (await file.column(group, path))!;
      const view = new DataView(column.words.buffer, column.words.byteOffset);
      const values = Array.from(
        { length: column.valueCount },
        (_, i) => view.getBigUint64(i * 8, true),
      );
      const { min, max } = group.chunks.get(path)!.statistics;
      const sorted = values.sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
      assert.equal(valueOf(min!), sorted[0], path);
      assert.equal(valueOf(max!), sorted.at(-1), path);
    }
  }
  const bounded = new Set([...paths, "TraceID", "DurationNano", "rs.ss.Spans.Kind"]);
  for (const [path, { statistics, columnIndex }] of file.metadata.rowGroups[0]!.chunks) {
    assert.equal(statistics.min !== undefined, bounded.has(path), path);
    assert.equal(columnIndex.sizeBytes > 0, bounded.has(path), path);
  }
});
