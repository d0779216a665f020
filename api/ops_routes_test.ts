import assert from "node:assert/strict";
import { refused } from "../tests/support/refused.ts";
import { createTestApi } from "../tests/support/test_api.ts";

Deno.test("not ready is 503 with the first reason", async () => {
  const readiness = () => ["LiveStore not ready: live-store is starting", "more"];
  await refused(
    createTestApi({ readiness }).get("/ready"),
    503,
    "LiveStore not ready: live-store is starting\n",
  );
});

Deno.test("metrics tell of the process and what it is", async () => {
  const text = await (await createTestApi().get("/metrics")).text();
  assert.match(text, /^process_resident_memory_bytes [1-9]\d+$/m);
  assert.match(text, /^process_cpu_seconds_total 0\.\d+|[1-9]/m);
  assert.match(text, /^go_memstats_heap_inuse_bytes [1-9]\d+$/m);
  assert.match(text, /^tempo_build_info\{version="3.0.2",revision="abc",.*\} 1$/m);
});

Deno.test("status pages: each section begins with its path", async () => {
  const api = createTestApi();
  const page = async (path: string) => await (await api.get(path)).text();
  assert.equal(
    await page("/status/services"),
    [
      "GET /status/services",
      "+--------------+---------+--------------+",
      "| SERVICE NAME | STATUS  | FAILURE CASE |",
      "+--------------+---------+--------------+",
      "| api          | Running |              |",
      "| store        | Running |              |",
      "+--------------+---------+--------------+",
      "",
    ].join("\n"),
  );
  assert.equal(await page("/status/config"), "GET /status/config\n---\nmode: full\n");
  assert.equal(await page("/status/config?mode=diff"), "GET /status/config\n---\nmode: diff\n");
  assert.match(await page("/status/endpoints"), /^\| \/api\/search +\| \^\/api\/search\$ +\|$/m);
  const all = await page("/status");
  for (const name of ["version", "services", "endpoints", "runtime_config", "config"]) {
    assert.ok(all.includes(`GET /status/${name}\n`), name);
  }
  assert.equal((await api.get("/status/nosuch")).status, 404);
});

Deno.test("flush and shutdown want a POST, and an owner", async () => {
  await refused(createTestApi().send("POST", "/flush"), 404, "404 page not found\n");
  const done: string[] = [];
  const api = createTestApi({
    admin: {
      // deno-lint-ignore require-await -- nothing to wait for here
      flush: async () => void done.push("flush"),
      shutdown: () => void done.push("shutdown"),
    },
  });
  assert.equal((await api.get("/flush")).status, 405);
  assert.equal((await api.send("POST", "/flush")).status, 204);
  assert.equal((await api.send("POST", "/ingester/shutdown")).status, 204);
  assert.equal((await api.send("POST", "/shutdown")).status, 204);
  assert.deepEqual(done, ["flush", "shutdown", "shutdown"]);
});

Deno.test("the page at / is html and asks the API where it is", async () => {
  const response = await createTestApi({}, { httpApiPrefix: "/tempo" }).get("/");
  assert.match(response.headers.get("Content-Type")!, /^text\/html/);
  const page = await response.text();
  assert.match(page, /<title>Segno<\/title>/);
  assert.match(page, /fetch\(`\/tempo\/api\/search\?/);
  assert.doesNotMatch(page, /\{\{/);
});
