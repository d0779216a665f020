import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { goldenFinds } from "../../tests/support/golden_blocks.ts";
import type { SearchRequest } from "../engine/mod.ts";
import { type Scanner, ScanPool } from "./scan_pool.ts";

const GOLDEN = new URL("../../tests/golden/blocks/v5/small-groups/", import.meta.url);

const request: SearchRequest = {
  kind: "search",
  tenant: "single-tenant",
  query: "{ status = error }",
  limit: 1000,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
};

const signal = new AbortController().signal;
const OPTIONS = { cacheBytesMax: 1 << 24, scansMax: 2, findsMax: 4 };

/** A local store of its own with the golden block in it. */
async function withStore(test: (path: string, meta: BlockMeta) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "segno-scan-" });
  try {
    const blockId = [...Deno.readDirSync(new URL("single-tenant/", GOLDEN))][0]!.name;
    const from = new URL(`single-tenant/${blockId}/`, GOLDEN);
    const to = `${path}/single-tenant/${blockId}`;
    await Deno.mkdir(to, { recursive: true });
    for (const { name } of Deno.readDirSync(from)) {
      await Deno.writeFile(`${to}/${name}`, await Deno.readFile(new URL(name, from)));
    }
    const meta = JSON.parse(await Deno.readTextFile(`${to}/meta.json`)) as BlockMeta;
    await test(path, meta);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const runtime = () => createRuntime({ clock: new SimulatedClock() });
const configOf = (path: string) => ({ backend: "local", local: { path } }) as const;
const only = (pool: ScanPool): Scanner => pool.scanners[0]!;

Deno.test("a worker answers as the thread itself does", async () => {
  await withStore(async (path, meta) => {
    await using here = new ScanPool(runtime(), configOf(path), { ...OPTIONS, workers: 0 });
    await using there = new ScanPool(runtime(), configOf(path), { ...OPTIONS, workers: 1 });
    const a = await only(here).scan(request, [meta], signal);
    const b = await only(there).scan(request, [meta], signal);
    assert.ok(a.answer.traces.length > 5);
    assert.deepEqual(b, a);

    const finds = goldenFinds("v5-default");
    const traceId = Uint8Array.fromHex(finds[0]!.traceID);
    const found = await only(there).find(traceId, [meta], signal);
    assert.deepEqual(found, await only(here).find(traceId, [meta], signal));
    assert.equal(found.traces.length, 1);

    const big = finds.map(({ proto }) => proto);
    assert.ok(big.reduce((sum, { length }) => sum + length, 0) > 64 * 1024);
    const combined = await there.combineTraces(big, signal);
    assert.deepEqual(combined, await here.combineTraces(big, signal));
    assert.ok((await there.cacheUse()).sizeBytes > 0);
  });
});

Deno.test("errors keep their kind on the way from a worker, and it goes on", async () => {
  await withStore(async (path, meta) => {
    await using pool = new ScanPool(runtime(), configOf(path), { ...OPTIONS, workers: 1 });
    const scanner = only(pool);
    await assert.rejects(scanner.scan({ ...request, query: "{" }, [meta], signal), {
      name: "InputError",
      code: "invalid_argument",
    });
    const gone = { ...meta, blockID: "00000000-0000-4000-8000-000000000001" };
    await assert.rejects(scanner.scan(request, [gone], signal), { name: "NotFoundError" });
    const stop = new AbortController();
    const asked = scanner.scan(request, [meta], stop.signal);
    const reason = new Error("gone away");
    queueMicrotask(() => stop.abort(reason));
    await assert.rejects(asked, reason);
    assert.ok((await scanner.scan(request, [meta], signal)).answer.traces.length > 5);
  });
});

Deno.test("a worker that dies refuses its open questions, and the next one starts another", async () => {
  await withStore(async (path, meta) => {
    let created = 0;
    const mortal = () => {
      if (created++ > 0) {
        return new Worker(new URL("./scan_worker.ts", import.meta.url), { type: "module" });
      }
      const source = `onmessage = ({ data }) => {
        if (data.method === "start") postMessage({ done: data.call });
        else setTimeout(() => { throw new Error("struck"); });
      };`;
      return new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
        type: "module",
      });
    };
    const world = runtime();
    await using pool = new ScanPool(
      world,
      configOf(path),
      { ...OPTIONS, workers: 1 },
      mortal,
    );
    assert.equal(created, 0, "workers start with the first question");
    await assert.rejects(only(pool).scan(request, [meta], signal), {
      name: "UnavailableError",
      message: /scan worker failed: .*struck/,
    });
    assert.ok((await only(pool).scan(request, [meta], signal)).answer.traces.length > 5);
    assert.equal(created, 2);
    assert.match(await world.metrics.text(), /segno_scan_worker_failures_total 1/);
  });
});

Deno.test("a worker that cannot open its store says so, and is tried again", async () => {
  await withStore(async (path, meta) => {
    await Deno.writeTextFile(`${path}/file`, "");
    await using pool = new ScanPool(
      runtime(),
      configOf(`${path}/file/below`),
      { ...OPTIONS, workers: 1 },
    );
    for (let i = 0; i < 2; i++) {
      await assert.rejects(only(pool).scan(request, [meta], signal), /file/);
    }
  });
});

Deno.test("a pool that is closed refuses, twice closed too", async () => {
  await withStore(async (path, meta) => {
    const pool = new ScanPool(runtime(), configOf(path), { ...OPTIONS, workers: 1 });
    await only(pool).scan(request, [meta], signal);
    await pool[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
    await assert.rejects(only(pool).scan(request, [meta], signal), { name: "UnavailableError" });
  });
});
