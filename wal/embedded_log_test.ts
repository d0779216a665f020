import { OsDirectory } from "../lib/fs.ts";
import { createRuntime } from "../lib/runtime.ts";
import { logContract, type LogUnderTest } from "./contract.ts";
import { EmbeddedLog } from "./embedded_log.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { defaultEmbeddedLogOptions } from "./embedded_log_options.ts";

const OPTIONS = {
  ...defaultEmbeddedLogOptions,
  partitions: 2,
  segmentBytesMax: 2000,
  valueBytesMax: 1 << 20,
};

logContract("embedded log", async () => {
  const { log, path } = await openOnDisk();
  return underTest(log, log, () => log[Symbol.asyncDispose](), path);
});

logContract("embedded log with a reader fed by messages", async () => {
  const { log, path } = await openOnDisk();
  const directory = await OsDirectory.open(path);
  const reader = new EmbeddedLogReader(createRuntime(), directory, log, log.durable());
  log.onDurable((state) => queueMicrotask(() => reader.update(structuredClone(state))));
  return underTest(log, reader, async () => {
    await reader[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
  }, path);
});

async function openOnDisk(): Promise<{ log: EmbeddedLog; path: string }> {
  const path = await Deno.makeTempDir({ prefix: "segno-wal-" });
  return {
    log: await EmbeddedLog.open(createRuntime(), await OsDirectory.open(path), OPTIONS),
    path,
  };
}

function underTest(
  writer: EmbeddedLog,
  reader: EmbeddedLog | EmbeddedLogReader,
  close: () => Promise<void>,
  path: string,
): LogUnderTest {
  return {
    writer,
    reader,
    async [Symbol.asyncDispose]() {
      await close();
      await Deno.remove(path, { recursive: true });
    },
  };
}
