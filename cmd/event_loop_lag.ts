// How late the timers of this thread fire: what everybody who waits for it feels.
import type { Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/clock.ts";

const PERIOD_MS = 20;
/** Fine around 20 ms, the most that a query may cost others. */
const SECONDS = [
  ...[0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1],
  ...[0.2, 0.5, 1, 2],
];

/** Measures until disposed; `segno_event_loop_lag_seconds` on /metrics. */
export function watchEventLoop(clock: Clock, metrics: Metrics): Disposable {
  const lag = metrics.histogram(
    "segno_event_loop_lag_seconds",
    "How late a timer of the API thread fired.",
    SECONDS,
  );
  let dueMs = clock.monotonic() + PERIOD_MS;
  const tick = () => {
    const nowMs = clock.monotonic();
    lag.observe(Math.max(0, nowMs - dueMs) / 1000);
    dueMs = nowMs + PERIOD_MS;
    timer = clock.setTimeout(tick, PERIOD_MS);
  };
  let timer = clock.setTimeout(tick, PERIOD_MS);
  return { [Symbol.dispose]: () => clock.clearTimeout(timer) };
}
