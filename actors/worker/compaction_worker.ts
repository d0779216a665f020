// The compaction worker: opens the store itself, for blocks must not cross threads; what crosses are
// requests and metas.
import { createRuntime } from "../../lib/runtime.ts";
import { standBack } from "../../lib/thread_priority.ts";
import { type Port, RpcPeer } from "../../lib/port_rpc.ts";
import { compact, type CompactRequest, type ObjectStore, openStore } from "../../storage/mod.ts";
import { isMachineBusy, pacedPause } from "./pace.ts";
import type { CompactionStart } from "./compaction_messages.ts";
import { redactBlock, type RedactBlockRequest } from "./redact_block.ts";

standBack(); // ingest and queries come first
const runtime = createRuntime();
const isBusy = () => isMachineBusy(Deno.loadavg()[0]!, navigator.hardwareConcurrency);
let store: ObjectStore | undefined;

new RpcPeer(self as unknown as Port, {
  start: async (start: CompactionStart) => {
    store = await openStore(start.store);
  },
  compact: (request: CompactRequest, signal: AbortSignal) =>
    compact(runtime, store!, request, pacedPause(runtime.clock, isBusy), signal),
  redact: (request: RedactBlockRequest, signal: AbortSignal) =>
    redactBlock(runtime, store!, request, pacedPause(runtime.clock, isBusy), signal),
});
