import assert from "node:assert/strict";

/** Of every thread of this process that is a worker, from /proc. */
function niceOfWorkers(): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const stat = Deno.readTextFileSync(`/proc/self/task/${name}/stat`);
    if (!stat.includes("(worker-")) continue;
    found.push(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
  }
  return found;
}

Deno.test({
  name: "only the thread that asks stands back",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const source = `
      const { standBack } = await import("${new URL("./thread_priority.ts", import.meta.url)}");
      self.postMessage(standBack());
      self.onmessage = () => self.close();`;
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
      type: "module",
    });
    const stoodBack = await new Promise((resolve) => worker.onmessage = (e) => resolve(e.data));
    assert.equal(stoodBack, true);
    assert.ok(niceOfWorkers().includes(19));
    const own = Deno.readTextFileSync("/proc/self/stat");
    assert.notEqual(own.slice(own.lastIndexOf(")") + 2).split(" ")[16], "19");
    worker.terminate();
  },
});
