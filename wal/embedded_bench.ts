// The embedded log on the disk: appends of 20 KB, answered after fdatasync, and reading them back.
//   deno bench -A wal/embedded_bench.ts        (WAL_BENCH_DIR=/dev/shm for the log without the disk)
// MB/s = the megabytes in the name / the time of an iteration. Figures: docs/adr/0001-embedded-log.md
import { OsDirectory } from "../lib/fs.ts";
import { createRuntime } from "../lib/runtime.ts";
import { EmbeddedLog } from "./embedded_log.ts";
import { defaultEmbeddedLogOptions } from "./embedded_log_options.ts";
import type { EmbeddedLogReader } from "./embedded_log_reader.ts";
import type { NewRecord } from "./log.ts";

const VALUE_BYTES = 20_000;
const PARTITIONS = 4;
const READ_APPENDS = 3200;

const value = new Uint8Array(VALUE_BYTES).map((_, i) => (i * 31) & 0xff);

function record(partition: number): NewRecord {
  const write = (to: Uint8Array, at: number) => to.set(value, at);
  return { partition, tenant: "single-tenant", sizeBytes: VALUE_BYTES, write };
}

async function append(log: EmbeddedLog, senders: number, count: number): Promise<void> {
  let left = count;
  const send = async (partition: number) => {
    while (left-- > 0) await log.append([record(partition % PARTITIONS)]);
  };
  await Promise.all(Array.from({ length: senders }, (_, sender) => send(sender)));
}

/** In turn, as the partitions of one worker do. */
async function readAll(reader: EmbeddedLogReader, partitions: readonly number[]): Promise<void> {
  const signal = new AbortController().signal;
  const next = partitions.map(() => 0);
  for (let isDone = false; !isDone;) {
    isDone = true;
    for (const [i, partition] of partitions.entries()) {
      if (next[i]! >= await reader.endOffset(partition)) continue;
      const batch = await reader.read(partition, next[i]!, {
        bytesMax: 1 << 20,
        waitMs: 0,
        signal,
      });
      next[i] = batch.nextOffset;
      isDone = false;
    }
  }
}

async function withLog<T>(use: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempDir({ dir: Deno.env.get("WAL_BENCH_DIR") ?? "/tmp" });
  try {
    const options = { ...defaultEmbeddedLogOptions, partitions: PARTITIONS };
    await using log = await EmbeddedLog.open(
      createRuntime(),
      await OsDirectory.open(path),
      options,
    );
    return await use(log);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

for (const [senders, count] of [[1, 100], [4, 400], [16, 1600]] as const) {
  const megabytes = count * VALUE_BYTES / 1e6;
  Deno.bench(
    `append ${megabytes} MB, ${senders} senders`,
    { group: "append", n: 10 },
    async (b) => {
      await withLog(async (log) => {
        await append(log, senders, 100);
        b.start();
        await append(log, senders, count);
        b.end();
      });
    },
  );
}

const megabytes = READ_APPENDS * VALUE_BYTES / 1e6;
for (const partitions of [[0, 1, 2, 3], [2]]) {
  const name = `read ${partitions.length} of ${PARTITIONS} partitions in ${megabytes} MB`;
  Deno.bench(name, { group: "read", n: 10 }, async (b) => {
    await withLog(async (log) => {
      await append(log, 16, READ_APPENDS);
      await using warm = log.openReader();
      await readAll(warm, partitions);
      await using reader = log.openReader();
      b.start();
      await readAll(reader, partitions);
      b.end();
    });
  });
}
