// The process as dashboards know it: memory, processor time, age, version. Heap figures keep the
// names of the peer's runtime, since its panels ask for those.
import process from "node:process";
import type { Counter, Gauge } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { BuildInfo } from "./options.ts";

export class ProcessMetrics {
  readonly #gauges: readonly [gauge: Gauge, read: (memory: Deno.MemoryUsage) => number][];
  readonly #cpuSeconds: Counter;
  #countedCpuSeconds = 0;

  constructor({ metrics, clock }: Runtime, build: BuildInfo) {
    const gauge = (name: string, help: string) => metrics.gauge(name, help);
    this.#gauges = [
      [gauge("process_resident_memory_bytes", "Resident memory size."), ({ rss }) => rss],
      [
        gauge("go_memstats_heap_inuse_bytes", "Bytes of the JavaScript heap in use."),
        ({ heapUsed }) => heapUsed,
      ],
      [
        gauge("go_memstats_heap_sys_bytes", "Bytes of the JavaScript heap."),
        ({ heapTotal }) => heapTotal,
      ],
      [
        gauge("go_memstats_alloc_bytes", "Bytes of heap and array buffers in use."),
        ({ heapUsed, external }) => heapUsed + external,
      ],
    ];
    this.#cpuSeconds = metrics.counter(
      "process_cpu_seconds_total",
      "Processor time of user and system.",
    );
    // The monotonic clock counts from the start of the process.
    gauge("process_start_time_seconds", "Start of the process, in unix seconds.")
      .set((clock.now() - clock.monotonic()) / 1000);
    const { version, revision, branch, goVersion } = build;
    metrics.gauge("tempo_build_info", "Always 1; the labels say what runs.", [
      ...["version", "revision", "branch", "goversion", "goos", "goarch"],
    ]).labels(version, revision, branch, goVersion, Deno.build.os, Deno.build.arch).set(1);
  }

  refresh(): void {
    const memory = Deno.memoryUsage();
    for (const [gauge, read] of this.#gauges) gauge.set(read(memory));
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    this.#cpuSeconds.inc(Math.max(0, cpuSeconds - this.#countedCpuSeconds));
    this.#countedCpuSeconds = cpuSeconds;
  }
}
