// What a soak's clients know: every trace that was acknowledged whole, when, and whether it has been
// seen since with all its spans. Rule: a trace counts as seen only by an answer that was asked for
// while no retention could have taken it.

export interface AckedTrace {
  readonly traceId: string;
  readonly spanCount: number;
  /** When the last of its requests was answered. */
  readonly ackedMs: number;
}

export class Ledger {
  /** In the order of acknowledgement. */
  readonly #traces: AckedTrace[] = [];
  readonly #seen = new Set<string>();
  #spans = 0;

  acked(traceId: string, spanCount: number, ackedMs: number): void {
    this.#traces.push({ traceId, spanCount, ackedMs });
    this.#spans += spanCount;
  }

  get traces(): number {
    return this.#traces.length;
  }

  get spans(): number {
    return this.#spans;
  }

  get tracesSeen(): number {
    return this.#seen.size;
  }

  /** Acknowledged in [fromMs, toMs). */
  between(fromMs: number, toMs: number): AckedTrace[] {
    return this.#traces.filter(({ ackedMs }) => ackedMs >= fromMs && ackedMs < toMs);
  }

  unseen(): AckedTrace[] {
    return this.#traces.filter(({ traceId }) => !this.#seen.has(traceId));
  }

  /**
   * Compares what a search found, by trace id the spans that matched, with what it had to find.
   * Answers what is wrong, a line each.
   */
  compare(wanted: readonly AckedTrace[], found: ReadonlyMap<string, number>): string[] {
    const problems: string[] = [];
    for (const { traceId, spanCount } of wanted) {
      const spans = found.get(traceId) ?? 0;
      if (spans === spanCount) this.#seen.add(traceId);
      else problems.push(`trace ${traceId}: ${spans} spans found where ${spanCount} were sent`);
    }
    return problems;
  }
}
