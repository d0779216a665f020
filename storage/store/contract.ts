// What every object store must do; the test of each runs all of it.
import assert from "node:assert/strict";
import { InputError, NotFoundError } from "../../lib/errors.ts";
import { ExistsError, type ObjectStore } from "./object_store.ts";
import { versionsOf } from "./open.ts";
import { VersionError } from "./versioned.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

export function objectStoreContract(
  name: string,
  withStore: (use: (store: ObjectStore) => Promise<void>) => Promise<void>,
  /** Of the tests; a vendor's client may keep connections for the next one. */
  sanitizers: { readonly sanitizeOps?: boolean; readonly sanitizeResources?: boolean } = {},
): void {
  const test = (sentence: string, use: (store: ObjectStore) => Promise<void>) =>
    Deno.test({ name: `${name} ${sentence}`, fn: () => withStore(use), ...sanitizers });

  test("gives back what was written, whole and in ranges", async (store) => {
    await store.write("t/b/data", bytes(1, 2, 3, 4, 5));
    assert.deepEqual(await store.read("t/b/data"), bytes(1, 2, 3, 4, 5));
    assert.equal(await store.sizeBytes("t/b/data"), 5);
    const range = { offset: 1, sizeBytes: 2 };
    assert.deepEqual(await store.read("t/b/data", range), bytes(2, 3));
    assert.deepEqual(await store.readRanges("t/b/data", [range, { offset: 0, sizeBytes: 1 }]), [
      bytes(2, 3),
      bytes(1),
    ]);
  });

  test("cuts a range where the object ends", async (store) => {
    await store.write("a", bytes(1, 2, 3));
    assert.deepEqual(await store.read("a", { offset: 2, sizeBytes: 2 ** 40 }), bytes(3));
    assert.deepEqual(await store.read("a", { offset: 9, sizeBytes: 4 }), bytes());
  });

  test("holds an empty object", async (store) => {
    await store.write("t/flag", bytes());
    assert.deepEqual(await store.read("t/flag"), bytes());
    assert.equal(await store.sizeBytes("t/flag"), 0);
  });

  test("replaces an object unless told not to", async (store) => {
    await store.write("a", bytes(1));
    await store.write("a", bytes(2));
    await assert.rejects(store.write("a", bytes(3), { ifAbsent: true }), ExistsError);
    assert.deepEqual(await store.read("a"), bytes(2));
    await store.write("b", bytes(4), { ifAbsent: true });
    assert.deepEqual(await store.read("b"), bytes(4));
  });

  test("lets one of two writers win who both want to be first", async (store) => {
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map((value) => store.write("t/lock", bytes(value), { ifAbsent: true })),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    const winner = results.findIndex(({ status }) => status === "fulfilled");
    assert.deepEqual(await store.read("t/lock"), bytes(winner + 1));
  });

  test("does not know what is not there", async (store) => {
    await assert.rejects(store.read("none"), NotFoundError);
    await assert.rejects(store.read("no/ne", { offset: 0, sizeBytes: 1 }), NotFoundError);
    await assert.rejects(store.sizeBytes("none"), NotFoundError);
    await store.delete("none");
    await store.delete("no/ne");
  });

  test("shows nothing of an object in the making", async (store) => {
    const writer = await store.openWriter("t/b/data");
    const buffer = bytes(1, 2);
    await writer.write(buffer);
    buffer.fill(9);
    await assert.rejects(store.read("t/b/data"), NotFoundError);
    assert.deepEqual(await store.list(""), { objects: [], prefixes: [] });
    await writer.write(bytes(3));
    await writer.close();
    assert.deepEqual(await store.read("t/b/data"), bytes(1, 2, 3));
  });

  test("forgets an object whose writer gave up", async (store) => {
    const writer = await store.openWriter("t/b/data");
    await writer.write(bytes(1, 2));
    await writer.abort();
    await assert.rejects(store.read("t/b/data"), NotFoundError);
    assert.deepEqual(await store.list("", "/"), { objects: [], prefixes: [] });
  });

  test("lists by prefix, ascending, folders once where there is a delimiter", async (store) => {
    for (const key of ["b/2/x", "b/10/x", "b/10/y", "a", "bc", "b/z"]) {
      await store.write(key, new Uint8Array(key.length));
    }
    const keys = async (prefix: string, delimiter?: "/") => {
      const { objects, prefixes } = await store.list(prefix, delimiter);
      return [objects.map(({ key }) => key), prefixes];
    };
    assert.deepEqual(await keys(""), [["a", "b/10/x", "b/10/y", "b/2/x", "b/z", "bc"], []]);
    assert.deepEqual(await keys("", "/"), [["a", "bc"], ["b/"]]);
    assert.deepEqual(await keys("b/", "/"), [["b/z"], ["b/10/", "b/2/"]]);
    assert.deepEqual(await keys("b/1"), [["b/10/x", "b/10/y"], []]);
    assert.deepEqual(await keys("b/1", "/"), [[], ["b/10/"]]);
    assert.deepEqual(await keys("none/", "/"), [[], []]);
    assert.deepEqual((await store.list("b/z")).objects, [{ key: "b/z", sizeBytes: 3 }]);
  });

  test("deletes an object, and the folder with the last of them", async (store) => {
    await store.write("t/b/x", bytes(1));
    await store.write("t/c/x", bytes(1));
    await store.delete("t/b/x");
    await assert.rejects(store.read("t/b/x"), NotFoundError);
    assert.deepEqual(await store.list("t/", "/"), { objects: [], prefixes: ["t/c/"] });
  });

  test("keeps an object written while its neighbours are deleted", async (store) => {
    for (let round = 0; round < 20; round++) {
      await store.write("t/b/old", bytes(1));
      await Promise.all([store.delete("t/b/old"), store.write("t/b/new", bytes(2))]);
      assert.deepEqual(await store.read("t/b/new"), bytes(2));
      await store.delete("t/b/new");
    }
  });

  test("refuses keys that lead elsewhere", async (store) => {
    for (const key of ["", "/a", "a/", "../a", "a/../../b", "a//b", "a/./b", "a\0b"]) {
      await assert.rejects(store.write(key, bytes(1)), InputError, key);
      await assert.rejects(store.read(key), InputError, key);
      await assert.rejects(store.readRanges(key, []), InputError, key);
      await assert.rejects(store.openWriter(key), InputError, key);
      await assert.rejects(store.delete(key), InputError, key);
    }
    await assert.rejects(store.list("../"), InputError);
    await assert.rejects(store.list("/"), InputError);
  });

  test("takes a change of a version once, and of no other", async (store) => {
    const versions = versionsOf(store);
    await assert.rejects(versions.readVersioned("t/doc"), NotFoundError);
    await assert.rejects(versions.writeVersioned("t/doc", bytes(1), "1"), VersionError);
    const first = await versions.writeVersioned("t/doc", bytes(1), undefined);
    await assert.rejects(versions.writeVersioned("t/doc", bytes(2), undefined), VersionError);
    assert.deepEqual(await versions.readVersioned("t/doc"), { bytes: bytes(1), version: first });
    const second = await versions.writeVersioned("t/doc", bytes(2), first);
    assert.notEqual(second, first);
    await assert.rejects(versions.writeVersioned("t/doc", bytes(3), first), VersionError);
    await assert.rejects(versions.deleteVersioned("t/doc", first), VersionError);
    assert.deepEqual(await versions.readVersioned("t/doc"), { bytes: bytes(2), version: second });
    const results = await Promise.allSettled(
      [3, 4, 5].map((value) => versions.writeVersioned("t/doc", bytes(value), second)),
    );
    const won = results.findIndex(({ status }) => status === "fulfilled");
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    const { bytes: left, version } = await versions.readVersioned("t/doc");
    assert.deepEqual(left, bytes(won + 3));
    await versions.deleteVersioned("t/doc", version);
    await assert.rejects(versions.readVersioned("t/doc"), NotFoundError);
    await assert.rejects(versions.deleteVersioned("t/doc", version), VersionError);
  });

  test("does nothing for a caller who has left", async (store) => {
    await store.write("a", bytes(1));
    const signal = AbortSignal.abort(new Error("left"));
    await assert.rejects(store.read("a", undefined, signal), /left/);
    await assert.rejects(store.write("b", bytes(1), { signal }), /left/);
    await assert.rejects(store.read("b"), NotFoundError);
  });
}
