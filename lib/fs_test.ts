import assert from "node:assert/strict";
import { NotFoundError, UnavailableError } from "./errors.ts";
import { type Directory, OsDirectory } from "./fs.ts";
import { SimulatedDisk } from "./simulated_disk.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

directoryContract("directory on the disk", async (run) => {
  const path = await Deno.makeTempDir({ prefix: "segno-fs-" });
  try {
    await run(await OsDirectory.open(`${path}/new/log`));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

directoryContract("simulated directory", (run) => run(new SimulatedDisk().mount()));

function directoryContract(
  name: string,
  use: (run: (directory: Directory) => Promise<void>) => Promise<void>,
): void {
  const test = (behaviour: string, run: (directory: Directory) => Promise<void>) =>
    Deno.test(`${name} ${behaviour}`, () => use(run));

  test("reads what was written, where it was written", async (directory) => {
    const file = await directory.open("a", "create");
    await file.write(bytes("hello world"), 0);
    await file.write(bytes("W"), 6);
    await file.write(bytes("!"), 11);
    await file.sync();
    const into = new Uint8Array(20);
    assert.equal(await file.read(into, 6), 6);
    assert.equal(text(into.subarray(0, 6)), "World!");
    assert.equal(await file.read(into.subarray(0, 5), 0), 5);
    assert.equal(text(into.subarray(0, 5)), "hello");
    assert.equal(await file.read(into, 100), 0);
    assert.equal(await file.sizeBytes(), 12);
    file.close();
  });

  test("cuts a file", async (directory) => {
    const file = await directory.open("a", "write");
    await file.write(bytes("hello"), 0);
    await file.truncate(2);
    await file.write(bytes("y"), 2);
    const into = new Uint8Array(5);
    assert.equal(text(into.subarray(0, await file.read(into, 0))), "hey");
    file.close();
  });

  test("lists, renames over and removes", async (directory) => {
    for (const name of ["old", "new"]) {
      const file = await directory.open(name, "create");
      await file.write(bytes(name), 0);
      file.close();
    }
    await directory.rename("new", "old");
    assert.deepEqual(await directory.list(), ["old"]);
    const file = await directory.open("old", "read");
    const into = new Uint8Array(3);
    await file.read(into, 0);
    assert.equal(text(into), "new");
    file.close();
    await directory.remove("old");
    await directory.sync();
    assert.deepEqual(await directory.list(), []);
  });

  test("says what is not there and what is", async (directory) => {
    await assert.rejects(directory.open("a", "read"), NotFoundError);
    await assert.rejects(directory.remove("a"), NotFoundError);
    (await directory.open("a", "create")).close();
    await assert.rejects(directory.open("a", "create"), /exists/i);
  });

  test("has one owner at a time", async (directory) => {
    {
      using _lock = await directory.lock("lock");
      await assert.rejects(async () => await directory.lock("lock"), UnavailableError);
    }
    using _again = await directory.lock("lock");
  });
}
