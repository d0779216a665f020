// How long answers to pushes are held back while searches are behind. The log takes spans faster than
// two threads can fold and build them; a client that sends as fast as it is answered would run ahead of
// what can be searched for ever. A few milliseconds an answer bring both to one speed.
// Rule: nothing is refused for being ahead, and a client that does not wait for answers notices little.

/** Behind by less than this is not being behind. */
const LAG_FREE_MS = 200;
const PACE_PER_LAG = 0.05;
/** However far behind: after a restart, or while the store is away, the log simply holds more. */
const PACE_MAX_MS = 50;

export function paceMs(lagMs: number): number {
  return Math.min(PACE_MAX_MS, Math.max(0, lagMs - LAG_FREE_MS) * PACE_PER_LAG);
}
