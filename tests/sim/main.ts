// deno-lint-ignore-file no-console
// Runs the simulations: `deno task sim [--world process|cluster|both] [--seed N | --from N] [--steps M] [--seconds S]`.
// With a seed, that one; otherwise seeds in turn until the time is over, which both worlds share. A seed that fails
// is printed with its journal, and belongs into seeds.txt, which the tests run for ever.
import { parseArgs } from "node:util";
import { systemClock } from "../../lib/clock.ts";
import { ClusterWorld } from "./cluster_world.ts";
import { World } from "./world.ts";

type Totals = Record<string, number>;

interface Simulated {
  readonly journal: readonly string[];
  readonly problems: readonly string[];
  readonly simulatedMs: number;
  /** For the totals. */
  readonly counts: Totals;
}

const WORLDS: Readonly<Record<string, (seed: number, steps: number) => Promise<Simulated>>> = {
  process: async (seed, steps) => {
    const world = new World(seed);
    const { problems, simulatedMs, acknowledgedSpans, crashes, mergedBlocks } = await world.run(
      steps,
    );
    const counts = { acknowledgedSpans, crashes, mergedBlocks };
    return { journal: world.journal, problems, simulatedMs, counts };
  },
  cluster: async (seed, steps) => {
    const world = new ClusterWorld(seed);
    const { problems, simulatedMs, acknowledgedSpans, faults, lives, answers } = await world.run(
      steps,
    );
    const counts = { acknowledgedSpans, faults, lives, answers };
    return { journal: world.journal, problems, simulatedMs, counts };
  },
};

const { values } = parseArgs({
  args: Deno.args,
  options: {
    world: { type: "string", default: "both" },
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    steps: { type: "string", default: "300" },
    seconds: { type: "string", default: "60" },
  },
});
const steps = Number(values.steps);
const names = values.world === "both" ? Object.keys(WORLDS) : [values.world];
for (const name of names) {
  if (WORLDS[name] === undefined) {
    console.log(`there is no world ${name}, but ${Object.keys(WORLDS).join(", ")} and both`);
    Deno.exit(2);
  }
}
for (const name of names) await simulate(name, Number(values.seconds) * 1000 / names.length);
Deno.exit(0); // lives that crashed hang for ever

async function simulate(name: string, forMs: number): Promise<void> {
  const startMs = systemClock.monotonic();
  const totals: Totals = { worlds: 0, simulatedMinutes: 0 };
  for (let seed = Number(values.seed ?? values.from);; seed++) {
    const again = `deno task sim --world ${name} --seed ${seed} --steps ${steps}`;
    const { journal, problems, simulatedMs, counts } = await WORLDS[name]!(seed, steps).catch(
      (error) => {
        console.log(`seed ${seed} failed: ${again}`);
        throw error;
      },
    );
    totals.worlds!++;
    totals.simulatedMinutes! += simulatedMs / 60_000;
    for (const [key, count] of Object.entries(counts)) totals[key] = (totals[key] ?? 0) + count;
    if (problems.length > 0) {
      console.log(journal.join("\n"));
      console.log(problems.join("\n"));
      console.log(`seed ${seed} failed: ${again}`);
      Deno.exit(1);
    }
    if (values.seed !== undefined || systemClock.monotonic() - startMs > forMs) break;
  }
  const wallMinutes = (systemClock.monotonic() - startMs) / 60_000;
  const perWallMinute = Math.round(totals.simulatedMinutes! / wallMinutes);
  console.log(JSON.stringify({ world: name, ...totals, perWallMinute }));
}
