// Building the blocks of a sealed section: one per tenant, data first and meta.json last.
// Rule: whatever of it was done before, doing it again leaves each span in one visible block: an id
// that already exists belongs to a life that crashed before its commit, and is superseded.
import { NotFoundError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, compactedMetaKey, metaKey, noCompactKey } from "../../model/block_meta.ts";
import {
  type BlockOptions,
  blockOptionsOf,
  type ObjectStore,
  writeBlock,
} from "../../storage/mod.ts";
import type { Section } from "../live_store/section.ts";
import type { LiveSegment } from "../live_store/segment.ts";
import { blockId } from "./block_id.ts";

export interface BuildOptions extends BlockOptions {
  readonly partition: number;
  /** Of the log that sections are of; none: there is one log for all processes on the bucket. */
  readonly logIdentity?: string;
  /** How far outside of its section's time a block may claim to reach. */
  readonly timeSlackMs: number;
}

export interface BuiltSection {
  readonly blocks: readonly BlockMeta[];
  /** Blocks that these replace; they are no longer to be queried. */
  readonly superseded: readonly BlockName[];
  readonly partition: number;
  /** Where the section ends. */
  readonly nextOffset: number;
}

export interface BlockName {
  readonly tenant: string;
  readonly blockId: string;
}

/** Builds one section; survives being called again after it failed half-way. */
export class SectionBuild {
  readonly #done = new Map<string, BlockMeta>();
  readonly #superseded: BlockName[] = [];

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly section: Section,
    readonly options: BuildOptions,
  ) {}

  async run(pause: () => Promise<void>, signal: AbortSignal): Promise<BuiltSection> {
    for (const [tenant, segment] of this.section.segments) {
      if (this.#done.has(tenant) || segment.columns.length === 0) continue;
      this.#done.set(tenant, await this.#build(tenant, segment, pause, signal));
    }
    return {
      blocks: [...this.#done.values()],
      superseded: this.#superseded,
      partition: this.options.partition,
      nextOffset: this.section.nextOffset,
    };
  }

  async #build(
    tenant: string,
    segment: LiveSegment,
    pause: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<BlockMeta> {
    const { section, options, store } = this;
    using _reader = segment.retain();
    return await writeBlock(
      store,
      {
        tenant,
        blockId: await this.#freshId(tenant, signal),
        columns: segment.columns,
        ...blockOptionsOf(options),
        clampStartMs: section.firstRecordMs - options.timeSlackMs,
        clampEndMs: section.lastRecordMs + options.timeSlackMs,
        replicationFactor: 1,
        hasNoCompactFlag: true, // until the offset is committed
      },
      pause,
      signal,
    );
  }

  /** The first id of the section's sequence that no block had; live blocks on the way are retired. */
  async #freshId(tenant: string, signal: AbortSignal): Promise<string> {
    const { store, section, options } = this;
    for (let sequence = 1;; sequence++) {
      signal.throwIfAborted();
      const id = blockId(
        tenant,
        options.partition,
        section.startOffset,
        sequence,
        options.logIdentity ?? "",
      );
      const meta = await readIfAny(store, metaKey(tenant, id));
      // Also one that is marked already: whoever marked it was interrupted, and it still counts.
      if (meta !== undefined) await this.#supersede(tenant, id, meta);
      else if (!await exists(store, compactedMetaKey(tenant, id))) return id;
    }
  }

  async #supersede(tenant: string, id: string, meta: Uint8Array): Promise<void> {
    const text = new TextDecoder().decode(meta);
    const compactedTime = new Date(this.runtime.clock.now()).toISOString();
    const compacted = JSON.stringify({ ...parsedOrEmpty(text), compactedTime });
    await this.store.write(compactedMetaKey(tenant, id), new TextEncoder().encode(compacted));
    await this.store.delete(metaKey(tenant, id));
    this.#superseded.push({ tenant, blockId: id });
    this.runtime.log.info("superseded block of an uncommitted section", { tenant, block: id });
  }
}

/** A meta.json that is garbage must not stop the partition: the block is replaced all the same. */
function parsedOrEmpty(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

async function exists(store: ObjectStore, key: string): Promise<boolean> {
  return await readIfAny(store, key) !== undefined;
}

async function readIfAny(store: ObjectStore, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** After the commit the blocks are final: the compactor may have them. */
export async function allowCompaction(
  store: ObjectStore,
  blocks: readonly BlockMeta[],
): Promise<void> {
  for (const { tenantID, blockID } of blocks) await store.delete(noCompactKey(tenantID, blockID));
}
