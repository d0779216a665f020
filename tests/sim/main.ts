// deno-lint-ignore-file no-console
// Runs the simulation: `deno task sim [--seed N] [--steps M] [--seconds S]`.
// With a seed, that one; without, seeds in turn until the time is over. A seed that fails is printed
// with its journal, and belongs into seeds.txt, which the tests run for ever.
import { parseArgs } from "node:util";
import { systemClock } from "../../lib/clock.ts";
import { World } from "./world.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seed: { type: "string" },
    steps: { type: "string", default: "300" },
    seconds: { type: "string", default: "60" },
  },
});
const steps = Number(values.steps);
const endMs = systemClock.monotonic() + Number(values.seconds) * 1000;
const totals = {
  worlds: 0,
  acknowledgedSpans: 0,
  crashes: 0,
  mergedBlocks: 0,
  simulatedMinutes: 0,
};
for (let seed = Number(values.seed ?? 1);; seed++) {
  const world = new World(seed);
  const report = await world.run(steps);
  totals.worlds++;
  totals.acknowledgedSpans += report.acknowledgedSpans;
  totals.crashes += report.crashes;
  totals.mergedBlocks += report.mergedBlocks;
  totals.simulatedMinutes += report.simulatedMs / 60_000;
  if (report.problems.length > 0) {
    console.log(world.journal.join("\n"));
    console.log(report.problems.join("\n"));
    console.log(`seed ${seed} failed: deno task sim --seed ${seed} --steps ${steps}`);
    Deno.exit(1);
  }
  if (values.seed !== undefined || systemClock.monotonic() > endMs) break;
}
console.log(JSON.stringify(totals));
