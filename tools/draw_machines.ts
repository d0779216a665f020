// Writes docs/machines/*.mmd from the machines; a test beside each machine fails when they differ.
//   deno run -A tools/draw_machines.ts
import { schedulerMachine } from "../actors/scheduler/machine.ts";
import { workerMachine } from "../actors/worker/machine.ts";
import { blockBuilderMachine } from "../actors/block_builder/machine.ts";
import { liveStoreMachine } from "../actors/live_store/machine.ts";
import { toMermaid } from "./mermaid.ts";

const machines = {
  block_builder: blockBuilderMachine,
  live_store: liveStoreMachine,
  scheduler: schedulerMachine,
  worker: workerMachine,
};
for (const [name, machine] of Object.entries(machines)) {
  const path = new URL(`../docs/machines/${name}.mmd`, import.meta.url);
  Deno.writeTextFileSync(path, toMermaid(machine));
}
