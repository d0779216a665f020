// What a process has used so far, as Linux tells it: /proc/PID/stat and /proc/PID/status.

/** Ticks of `utime` and `stime`; fixed at 100 a second in what Linux shows to programs. */
const TICKS_PER_SECOND = 100;

export interface ProcessUse {
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  /** The most memory that was ever resident. */
  readonly peakBytes: number;
  readonly residentBytes: number;
}

export function processUse(pid: number): ProcessUse {
  return parseUse(
    Deno.readTextFileSync(`/proc/${pid}/stat`),
    Deno.readTextFileSync(`/proc/${pid}/status`),
  );
}

export function parseUse(stat: string, status: string): ProcessUse {
  // The name may hold spaces and parentheses; the fields after it do not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime] = [fields[11], fields[12]];
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? NaN);
  return {
    cpuSeconds: (Number(utime) + Number(stime)) / TICKS_PER_SECOND,
    peakBytes: kilobytes("VmHWM") * 1024,
    residentBytes: kilobytes("VmRSS") * 1024,
  };
}
