// How long things take in a simulated cluster: the product's own proportions, with days made into minutes, so that
// everything that happens to a span happens within a run.
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

export const TIMES = {
  gossipMs: 12 * SECOND_MS,
  fullGossipMs: 2 * MINUTE_MS,
  gossipTimeoutMs: 2 * SECOND_MS,
  heartbeatMs: 20 * SECOND_MS,
  heartbeatTimeoutMs: 80 * SECOND_MS,
  /** An instance that is silent so long is removed from its ring. */
  forgetMs: 15 * MINUTE_MS,
  /** Before a partition becomes Active. */
  ownersMinMs: 10 * SECOND_MS,
  removePartitionMs: 8 * MINUTE_MS,
  /** How long a live-store answers for what is in the bucket. */
  keepMs: 6 * MINUTE_MS,
  graceMs: MINUTE_MS,
  /** Metrics of spans that started longer ago are counted in the bucket. */
  backendAfterMs: 4.5 * MINUTE_MS,
  lookAfterMs: 30 * SECOND_MS,
  pollMs: MINUTE_MS,
  sectionMs: 45 * SECOND_MS,
  buildMs: 2 * MINUTE_MS,
  readWaitMs: 8 * SECOND_MS,
  lagToleratedMs: 18 * SECOND_MS,
  /** Owners of partitions are asked how they are. */
  checkOwnersMs: 30 * SECOND_MS,
  hedgingMs: 3 * SECOND_MS,
  /** Of a question from process to process. */
  askMs: 20 * SECOND_MS,
  /** Until a process that ended is started again. */
  restartMs: 5 * SECOND_MS,
  /** Between draining a partition and taking its live-stores away. */
  downscaleMs: 8 * MINUTE_MS,
} as const;
