import assert from "node:assert/strict";

import { parseUse, processUse } from "./process_use.ts";

Deno.test("use is read whatever the process is called", () => {
  const stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 250 150 5 6 20 0 9 0 100 1 2";
  const status = "Name:\ta) b (c\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n";
  const expected = { cpuSeconds: 4, peakBytes: 2 << 20, residentBytes: 1 << 20 };
  assert.deepEqual(parseUse(stat, status), expected);
});

Deno.test("this process has used something", () => {
  const { cpuSeconds, peakBytes, residentBytes } = processUse(Deno.pid);
  assert.ok(cpuSeconds > 0);
  assert.ok(peakBytes >= residentBytes && residentBytes > 1 << 20);
});
