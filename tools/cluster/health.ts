// One line of how a cluster is, from what its members tell at /ready and /metrics.
//
//   10:21:07  13 of 13 ready  1,998 spans/s  lag 0.4 s  12 blocks

export interface MemberHealth {
  readonly name: string;
  readonly isReady: boolean;
  /** `/metrics`, empty if it did not answer. */
  readonly metrics: string;
}

export interface Health {
  readonly ready: number;
  readonly members: number;
  readonly notReady: readonly string[];
  /** Taken by distributors since they started. */
  readonly spans: number;
  /** Of the consumer that is furthest behind. */
  readonly lagSeconds: number;
  readonly blocks: number;
}

export function healthOf(members: readonly MemberHealth[]): Health {
  const values = (name: string) => members.flatMap(({ metrics }) => samples(metrics, name));
  const perMember = members.map(({ metrics }) => sum(samples(metrics, "tempodb_blocklist_length")));
  return {
    ready: members.filter(({ isReady }) => isReady).length,
    members: members.length,
    notReady: members.filter(({ isReady }) => !isReady).map(({ name }) => name),
    spans: sum(values("tempo_distributor_spans_received_total")),
    lagSeconds: Math.max(0, ...values("tempo_ingest_group_partition_lag_seconds")),
    blocks: Math.max(0, ...perMember),
  };
}

/** `before`: the former look, and how long ago that was. */
export function healthLine(
  time: string,
  health: Health,
  before: { readonly health: Health; readonly seconds: number } | undefined,
): string {
  const { ready, members, notReady, spans, lagSeconds, blocks } = health;
  // A distributor that started again counts from zero.
  const more = before === undefined ? 0 : Math.max(0, spans - before.health.spans);
  const rate = before === undefined ? 0 : Math.round(more / before.seconds);
  const waited = notReady.length > 0 ? ` (not ${notReady.slice(0, 3).join(", ")})` : "";
  return [
    time,
    `${ready} of ${members} ready${waited}`,
    `${rate.toLocaleString("en")} spans/s`,
    `lag ${lagSeconds.toFixed(1)} s`,
    `${blocks} blocks`,
  ].join("  ");
}

/** Values of all series of a name in Prometheus' text. */
export function samples(text: string, name: string): number[] {
  const values: number[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith(name) || !/[ {]/.test(line[name.length] ?? "")) continue;
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (Number.isFinite(value)) values.push(value);
  }
  return values;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
