import assert from "node:assert/strict";

import { clusterFolder } from "./folder.ts";

Deno.test("a folder that was given is kept, and only its own number of partitions goes on with it", async () => {
  const root = Deno.makeTempDirSync({ prefix: "segno-folder-" });
  try {
    const start = async (dir: string, partitions: number) => {
      await using stack = new AsyncDisposableStack();
      return clusterFolder(dir, partitions, stack);
    };
    const path = await start(`${root}/a/b`, 3);
    assert.ok(path.endsWith("/a/b") && path.startsWith("/"));
    assert.equal(await start(`${root}/a/b`, 3), path);
    await assert.rejects(start(`${root}/a/b`, 2), /has 3 partitions: --partitions 3/);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a folder of its own is gone at the end", async () => {
  let own: string;
  {
    await using stack = new AsyncDisposableStack();
    own = clusterFolder(undefined, 1, stack);
    Deno.writeTextFileSync(`${own}/something`, "");
  }
  assert.throws(() => Deno.statSync(own), Deno.errors.NotFound);
});
