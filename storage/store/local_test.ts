import assert from "node:assert/strict";
import { join } from "node:path";
import { UnavailableError } from "../../lib/errors.ts";
import { objectStoreContract } from "./contract.ts";
import { RESERVED } from "./keys.ts";
import { LocalObjectStore } from "./local.ts";
import { openStore } from "./open.ts";

async function withFolder(use: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

objectStoreContract(
  "local store",
  (use) => withFolder(async (root) => await use(await LocalObjectStore.open(root))),
);

Deno.test("local store reads large ranges as well as small ones", () =>
  withFolder(async (root) => {
    const store = await openStore({ backend: "local", local: { path: root } });
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, i) => i * 7 >> 3);
    await store.write("t/data", bytes);
    const [large, small] = await store.readRanges("t/data", [
      { offset: 5, sizeBytes: 900_000 },
      { offset: 77, sizeBytes: 30 },
    ]);
    assert.deepEqual(large, bytes.slice(5, 900_005));
    assert.deepEqual(small, bytes.slice(77, 107));
  }));

Deno.test("local store leaves no temporaries and sweeps abandoned ones at open", () =>
  withFolder(async (root) => {
    const store = await LocalObjectStore.open(root);
    const left = () => [...Deno.readDirSync(join(root, RESERVED))].length;
    await store.write("a", Uint8Array.of(1));
    await store.write("a", Uint8Array.of(1), { ifAbsent: true }).catch(() => {});
    assert.equal(left(), 0);
    const writer = await store.openWriter("b");
    await writer.write(Uint8Array.of(1));
    await LocalObjectStore.open(root);
    assert.equal(left(), 1, "another process may still be writing");
    await LocalObjectStore.open(root, { abandonedMs: 0 });
    assert.equal(left(), 0);
    await assert.rejects(writer.close());
    await assert.rejects(store.read("b"));
  }));

Deno.test("local store says that a full disk is weather", async () => {
  const full = Object.assign(new Error("No space left on device (os error 28)"), {
    code: "ENOSPC",
  });
  await withFolder(async (root) => {
    const store = await LocalObjectStore.open(root);
    const writer = await store.openWriter("a") as unknown as
      & { file: Deno.FsFile }
      & Awaited<ReturnType<LocalObjectStore["openWriter"]>>;
    const write = writer.file.write.bind(writer.file);
    writer.file.write = () => Promise.reject(full);
    await assert.rejects(writer.write(Uint8Array.of(1)), (error) => {
      assert(error instanceof UnavailableError);
      assert.equal(error.message, "object a: disk is full");
      return true;
    });
    writer.file.write = write;
    await writer.abort();
  });
});

Deno.test("a root may be relative to the working directory, as the default is", async () => {
  const folder = await Deno.makeTempDir({ dir: ".", prefix: "segno-relative-" });
  try {
    for (const root of [folder, `./${folder}/a/../b`]) {
      const store = await LocalObjectStore.open(root);
      await store.write("tenant/block/meta.json", new Uint8Array([1]));
      assert.deepEqual(await store.read("tenant/block/meta.json"), new Uint8Array([1]));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
