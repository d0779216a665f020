// How late the timers of this thread fire: what everybody who waits for it feels.
import { exponentialBuckets, type Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/clock.ts";

const PERIOD_MS = 20;

/** Measures until disposed; `segno_event_loop_lag_seconds` on /metrics. */
export function watchEventLoop(clock: Clock, metrics: Metrics): Disposable {
  const lag = metrics.histogram(
    "segno_event_loop_lag_seconds",
    "How late a timer of the API thread fired.",
    exponentialBuckets(0.0005, 2, 12),
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
