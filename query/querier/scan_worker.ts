// A scan worker: opens the store itself, for blocks must not cross threads; what crosses are
// questions, answers and found traces.
import { type Port, RpcPeer, Transferred } from "../../lib/port_rpc.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { openCaches, openStore } from "../../storage/mod.ts";
import { BlockScanner } from "./block_scanner.ts";
import { combineTraces } from "./combine_traces.ts";
import type { CacheUse, CombineCall, FindCall, ScanCall, ScanStart } from "./scan_messages.ts";

const runtime = createRuntime();
let scanner: BlockScanner | undefined;

new RpcPeer(self as unknown as Port, {
  start: async ({ store, options }: ScanStart) => {
    const caches = options.caches && await openCaches(runtime, options.caches);
    scanner = new BlockScanner(
      await openStore(store, runtime),
      options,
      nextTurn,
      caches,
      runtime.clock,
    );
  },
  scan: ({ request, blocks }: ScanCall, signal: AbortSignal) =>
    scanner!.scan(request, blocks, signal),
  estimate: ({ request, blocks }: ScanCall, signal: AbortSignal) =>
    scanner!.estimate(request, blocks, signal),
  find: async ({ traceId, blocks }: FindCall, signal: AbortSignal) => {
    const found = await scanner!.find(traceId, blocks, signal);
    return new Transferred(found, found.traces.map(({ buffer }) => buffer));
  },
  combine: ({ parts }: CombineCall) => {
    const combined = combineTraces(parts);
    return new Transferred(combined, [combined.otlp.buffer]);
  },
  cache: (): CacheUse => {
    const { hits, misses, sizeBytes } = scanner!.cache;
    return { hits, misses, sizeBytes };
  },
  metrics: () => runtime.metrics.snapshot(),
});
