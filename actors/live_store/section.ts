// A section of a partition's log held in memory: [startOffset, nextOffset), one segment per tenant.
// The head section grows; a sealed one is built into blocks and then released.
import type { ColumnsPool } from "./columns_pool.ts";
import type { FoldLimits } from "./fold.ts";
import { LiveSegment } from "./segment.ts";

export class Section {
  nextOffset: number;
  spans = 0;
  /** Of the records: milliseconds since the epoch. */
  firstRecordMs = Infinity;
  lastRecordMs = -Infinity;
  readonly segments = new Map<string, LiveSegment>();

  constructor(readonly startOffset: number) {
    this.nextOffset = startOffset;
  }

  get isEmpty(): boolean {
    return this.nextOffset === this.startOffset;
  }

  segment(
    tenant: string,
    pool: ColumnsPool,
    { dedicatedOf }: Pick<FoldLimits, "dedicatedOf">,
  ): LiveSegment {
    let segment = this.segments.get(tenant);
    if (segment === undefined) {
      segment = new LiveSegment(tenant, pool, dedicatedOf(tenant));
      this.segments.set(tenant, segment);
    }
    return segment;
  }

  get sizeBytes(): number {
    let size = 0;
    for (const { columns } of this.segments.values()) size += columns.sizeBytes;
    return size;
  }

  retire(): void {
    for (const segment of this.segments.values()) segment.retire();
  }
}
