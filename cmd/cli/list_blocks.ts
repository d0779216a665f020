// list blocks: what lies in the store, newest first.

import { type Call, type Command, EXIT, TENANTS } from "./command.ts";
import { type ListedBlock, listTenants } from "./listed_blocks.ts";
import { age, bytes, count, figure, oneLine, table, time } from "./table.ts";

export const listBlocksCommand: Command = {
  name: "list blocks",
  summary: "the blocks of tenants, or of all of them, newest first",
  details:
    "States: live, replaced (another took its place), compacted (retired), damaged (its meta\n" +
    "cannot be read), unfinished (objects without a meta). Only live ones without --all.",
  args: [TENANTS],
  flags: [{ name: "all", kind: "switch", help: "also what queries do not see" }],
  async run(call) {
    const blocks = [...(await listTenants(call)).values()].flat();
    const shown = blocks.filter(({ state }) => call.flags.has("all") || state === "live");
    if (call.isJson) call.output.json({ blocks: shown.map(blockJson) });
    else show(call, shown, blocks.length - shown.length);
    return EXIT.done;
  },
};

function show(call: Call, blocks: readonly ListedBlock[], hidden: number): void {
  const isWide = call.flags.has("all");
  const hasTenant = new Set(blocks.map(({ tenant }) => tenant)).size > 1;
  const nowMs = call.runtime.clock.now();
  const rows = blocks.map(({ tenant, blockId, state, objectsBytes, meta, problem }) => [
    ...hasTenant ? [tenant] : [],
    blockId,
    ...isWide ? [state] : [],
    ...meta === undefined
      ? ["", "", "", bytes(objectsBytes), "", "", "", "", "", oneLine(problem ?? "", 200)]
      : [
        meta.format,
        String(meta.compactionLevel),
        count(meta.totalObjects),
        bytes(objectsBytes),
        String(meta.totalRecords),
        String(meta.bloomShards),
        time(Date.parse(meta.startTime)),
        age(Date.parse(meta.endTime) - Date.parse(meta.startTime)),
        age(nowMs - Date.parse(meta.endTime)),
      ],
  ]);
  const columns = [
    ...hasTenant ? ["TENANT"] : [],
    "BLOCK",
    ...isWide ? ["STATE"] : [],
    "FORMAT",
    figure("LEVEL"),
    figure("TRACES"),
    figure("SIZE"),
    figure("GROUPS"),
    figure("BLOOMS"),
    "START (UTC)",
    figure("COVERS"),
    figure("AGE"),
    ...isWide ? ["PROBLEM"] : [],
  ];
  call.output.text(table(columns, rows));
  const traces = blocks.reduce((sum, { meta }) => sum + (meta?.totalObjects ?? 0), 0);
  const sizeBytes = blocks.reduce((sum, { objectsBytes }) => sum + objectsBytes, 0);
  const more = hidden === 0 ? "" : `; ${count(hidden)} more with --all`;
  call.output.line(
    `\n${count(blocks.length)} blocks, ${count(traces)} traces, ${bytes(sizeBytes)}${more}`,
  );
}

function blockJson({ tenant, blockId, state, objectsBytes, meta, problem }: ListedBlock) {
  return {
    tenant,
    blockId,
    state,
    objectsBytes,
    ...meta === undefined ? {} : { meta },
    ...problem === undefined ? {} : { problem },
  };
}
