import assert from "node:assert/strict";
import { lockDataDirectory } from "./data_lock.ts";

Deno.test("a data directory is locked by one process at a time, and free after it", async () => {
  const path = await Deno.makeTempDir();
  try {
    {
      using _held = await lockDataDirectory(path);
      await assert.rejects(lockDataDirectory(path), new RegExp(`${path} is in use`));
    }
    using _again = await lockDataDirectory(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
