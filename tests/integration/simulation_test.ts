// Both simulations for as long as CI has time, from seeds that nobody has seen: `deno task sim`.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";

const SECONDS = 60;
const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("a minute of simulated processes and clusters finds nothing", async () => {
  const first = Number(Deno.env.get("SEED") ?? Math.floor(systemClock.now() / 1000) % 1_000_000);
  const args = [
    "run",
    "-A",
    "tests/sim/main.ts",
    "--from",
    String(first),
    "--seconds",
    `${SECONDS}`,
  ];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assert.equal(code, 0, `from seed ${first}:\n${text(stdout)}\n${text(stderr)}`);
  const totals = text(stdout).split("\n").map((line) => JSON.parse(line));
  for (const { world, worlds, acknowledgedSpans } of totals) {
    assert.ok(worlds > 0 && acknowledgedSpans > 0, world);
  }
  assert.equal(totals.length, 2);
});
