// What one span in a million has, and a column would be wasted on: kept by row, so that nothing that
// was sent is lost, and the kernels look here only where the columns say "none" or "too far".

/** A group without spans: a resource, or a scope of it, that some message listed all the same. */
export interface EmptyGroup {
  readonly trace: number;
  readonly resource: number;
  /** -1: the resource had no scopes at all. */
  readonly scope: number;
  /** The row the next span had when the group was met. */
  readonly beforeRow: number;
}

const ENTRY_BYTES = 100; // about what a map takes for one

export class SpanOddities {
  /** Ends that lie 2^53 ns or more from the start, where a duration cannot tell them. */
  readonly farEnds = new Map<number, bigint>();
  /** Parent ids of a wrong length, and such as are zero without being empty. */
  readonly parentIds = new Map<number, Uint8Array>();
  readonly emptyGroups: EmptyGroup[] = [];

  get sizeBytes(): number {
    return ENTRY_BYTES * (this.farEnds.size + this.parentIds.size + this.emptyGroups.length);
  }

  /** Forgets rows from `row` on. */
  truncate(row: number): void {
    for (const map of [this.farEnds, this.parentIds]) {
      if (map.size > 0) { for (const key of [...map.keys()]) if (key >= row) map.delete(key); }
    }
    while (this.emptyGroups.length > 0 && this.emptyGroups.at(-1)!.beforeRow > row) {
      this.emptyGroups.pop();
    }
  }

  clear(): void {
    this.farEnds.clear();
    this.parentIds.clear();
    this.emptyGroups.length = 0;
  }
}
