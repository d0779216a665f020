// deno-lint-ignore-file no-console house/no-ambient-world
// A soak of half a minute, with two kills in it; the long one is `deno task soak`.
import assert from "node:assert/strict";
import { soak } from "../soak/soak.ts";

Deno.test("spans sent are spans found until retention takes them, and then nothing is left", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-soak-" });
  const seed = Number(Deno.env.get("SEED") ?? Date.now() % 1e9);
  console.log(`SEED=${seed}`);
  try {
    const report = await soak({
      dir,
      seconds: 30,
      spansPerSecond: 1500,
      retentionSeconds: 20,
      kills: 2,
      seed,
      tell: () => {},
    });
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.leaked, []);
    assert.equal(report.tracesSeen, report.tracesSent);
    assert.ok(report.spansSent > 10_000, `${report.spansSent} spans`);
    assert.ok(report.blocksMerged > 0 && report.blocksDeleted > 0, JSON.stringify(report));
    assert.equal(report.kills, 2);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
