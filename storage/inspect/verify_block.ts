// Whether a block is what it says: every object there, every page of every column readable and under
// its checksum, columns in agreement about rows and lists, bounds that hide nothing, trace ids
// ascending and all in the bloom, meta.json true.
// Rules: a problem of one column does not end the search for others; what cannot be reached for now is
// no problem of the block and is thrown as UnavailableError.
// Reads the whole block, one column chunk at a time.

import { crc32 } from "node:zlib";
import { CorruptionError, NotFoundError } from "../../lib/errors.ts";
import { type BlockMeta, bloomKey, dataKey, indexKey } from "../../model/block_meta.ts";
import { compareBytes } from "../../lib/compare_bytes.ts";
import { bloomMayContain, bloomShard } from "../block/bloom.ts";
import type { Column } from "../parquet/column.ts";
import { type ByteSource, KeepAll, ParquetFile } from "../parquet/file.ts";
import { MAGIC } from "../parquet/footer.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { wrongColumns } from "./expected_columns.ts";
import { type FooterDetails, readFooterDetails } from "./footer_details.ts";
import { ListShapes } from "./list_shapes.ts";
import { verifyColumn } from "./verify_column.ts";

export interface BlockProblem {
  /** The object, or the row group and column. */
  readonly where: string;
  readonly what: string;
}

export interface VerifiedBlock {
  /** The first of them, in the order they were met. */
  readonly problems: readonly BlockProblem[];
  /** All that were met. */
  readonly problemCount: number;
  readonly rowGroups: number;
  readonly columns: number;
  readonly pages: number;
  /** Checksums are optional in Parquet. */
  readonly pagesWithoutChecksum: number;
  readonly values: number;
  readonly traces: number;
  readonly spans: number;
  readonly bytesRead: number;
}

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Told after each column chunk. */
  readonly onProgress?: (doneBytes: number, allBytes: number) => void;
}

/** One cause has many effects; nobody reads more. */
const PROBLEMS_MAX = 100;
const ID_BYTES = 16;

export async function verifyBlock(
  store: ObjectStore,
  meta: BlockMeta,
  options: VerifyOptions,
): Promise<VerifiedBlock> {
  const verification = new Verification(store, meta, options);
  await verification.run();
  return verification.result();
}

class Verification {
  readonly #problems: BlockProblem[] = [];
  #problemCount = 0;
  #rowGroups = 0;
  #columns = 0;
  #pages = 0;
  #pagesWithoutChecksum = 0;
  #values = 0;
  #traces = 0;
  #spans = 0;
  #bytesRead = 0;
  #lastId: Uint8Array | undefined;
  readonly #lastIds: string[] = [];
  readonly #blooms = new Map<number, Uint8Array>();

  constructor(
    readonly store: ObjectStore,
    readonly meta: BlockMeta,
    readonly options: VerifyOptions,
  ) {}

  result(): VerifiedBlock {
    return {
      problems: this.#problems,
      problemCount: this.#problemCount,
      rowGroups: this.#rowGroups,
      columns: this.#columns,
      pages: this.#pages,
      pagesWithoutChecksum: this.#pagesWithoutChecksum,
      values: this.#values,
      traces: this.#traces,
      spans: this.#spans,
      bytesRead: this.#bytesRead,
    };
  }

  async run(): Promise<void> {
    await this.#readBlooms();
    const data = "data.parquet";
    await this.#reported(data, async () => {
      const file = await this.#openFile();
      const details = await readFooterDetails(file.source);
      for (const what of wrongColumns(this.meta, details)) this.#report(data, what);
      await this.#verifyRowGroups(file, details);
      this.#compareMeta(file);
    });
    await this.#verifyIndex();
  }

  async #openFile(): Promise<ParquetFile> {
    const { tenantID, blockID, size, footerSize } = this.meta;
    const key = dataKey(tenantID, blockID);
    const sizeBytes = await this.store.sizeBytes(key, this.options.signal);
    if (sizeBytes !== size) {
      this.#report("meta.json", `size ${size} where data.parquet has ${sizeBytes} bytes`);
    }
    const read = async (offset: number, wanted: number) => {
      const range = { offset, sizeBytes: wanted };
      const bytes = await this.store.read(key, range, this.options.signal);
      this.#bytesRead += bytes.length;
      if (bytes.length < wanted) throw new CorruptionError("file ends early", offset);
      return bytes;
    };
    const file = await this.#openUnder({ sizeBytes, read });
    // We do not look at it, other readers do.
    if (compareBytes(await read(0, MAGIC.length), MAGIC) !== 0) {
      this.#report("data.parquet", "does not begin as a Parquet file");
    }
    const trailer = await read(sizeBytes - 8, 4);
    const footerBytes = new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true);
    if (footerBytes !== footerSize) {
      this.#report("meta.json", `footerSize ${footerSize} where the footer has ${footerBytes}`);
    }
    return file;
  }

  /** A footer that is not what was written may still be one: then what it says is looked at too. */
  async #openUnder(source: ByteSource): Promise<ParquetFile> {
    const { checksums } = this.meta;
    if (checksums !== undefined) {
      try {
        return await ParquetFile.open(source, new KeepAll(), 0, checksums);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        this.#report("data.parquet", error.message);
      }
    }
    return await ParquetFile.open(source);
  }

  async #verifyRowGroups(file: ParquetFile, details: FooterDetails): Promise<void> {
    const groups = file.metadata.rowGroups;
    let allBytes = 0;
    for (const { chunks } of groups) {
      for (const { sizeBytes } of chunks.values()) allBytes += sizeBytes;
    }
    let doneBytes = 0;
    for (const group of groups) {
      const lists = new ListShapes();
      for (const leaf of details.leaves) {
        this.options.signal.throwIfAborted();
        const where = `row group ${group.index}, ${leaf.path}`;
        await this.#reported(where, async () => {
          const verified = await verifyColumn(file, group, leaf);
          const { column, problems } = verified;
          this.#columns++;
          this.#pages += verified.pages;
          this.#pagesWithoutChecksum += verified.pagesWithoutChecksum;
          this.#values += column.valueCount;
          for (const what of problems) this.#report(where, what);
          for (const { list, other, elements, otherElements } of lists.add(column, leaf.lists)) {
            const counts = elements === otherElements ? "elsewhere" : `not ${otherElements}`;
            this.#report(where, `${elements} elements of ${list}, ${counts} as ${other} has`);
          }
          if (leaf.path === "TraceID") this.#verifyIds(where, column);
          else if (leaf.path === "rs.ss.Spans.Kind") this.#spans += column.valueCount;
        });
        doneBytes += group.chunks.get(leaf.path)?.sizeBytes ?? 0;
        this.options.onProgress?.(doneBytes, allBytes);
      }
      this.#rowGroups++;
    }
  }

  /** Readers look for an id by halves, and only where the bloom lets them. */
  #verifyIds(where: string, ids: Column): void {
    this.#traces += ids.valueCount;
    for (let row = 0; row < ids.valueCount; row++) {
      const id = padded(ids.dictionary.at(ids.codes[row]!));
      if (id === undefined) {
        this.#report(where, `row ${row}: a trace id of more than ${ID_BYTES} bytes`);
        continue;
      }
      const order = this.#lastId === undefined ? -1 : compareBytes(this.#lastId, id);
      if (order > 0) {
        this.#report(where, `row ${row}: ${id.toHex()} after ${this.#lastId!.toHex()}`);
      }
      if (order === 0) this.#report(where, `row ${row}: ${id.toHex()} for the second time`);
      this.#lastId = id;
      const shard = bloomShard(id, this.meta.bloomShards);
      const bloom = this.#blooms.get(shard);
      if (bloom !== undefined && !bloomMayContain(bloom, id)) {
        this.#report(`bloom-${shard}`, `does not know ${id.toHex()}`);
      }
    }
    if (this.#lastId !== undefined) this.#lastIds.push(this.#lastId.toBase64());
  }

  async #readBlooms(): Promise<void> {
    const { tenantID, blockID, bloomShards } = this.meta;
    if (bloomShards === 0) this.#report("meta.json", "bloomShards 0");
    for (let shard = 0; shard < bloomShards; shard++) {
      await this.#reported(`bloom-${shard}`, async () => {
        const key = bloomKey(tenantID, blockID, shard);
        const bloom = await this.store.read(key, undefined, this.options.signal);
        this.#bytesRead += bloom.length;
        const sum = this.meta.checksums?.bloom[shard];
        const isWhole = sum === undefined || sum === crc32(bloom);
        if (!isWhole) this.#report(`bloom-${shard}`, "does not match its checksum");
        bloomMayContain(bloom, new Uint8Array(ID_BYTES)); // refuses what is no bloom
        this.#blooms.set(shard, bloom);
      });
    }
  }

  #compareMeta({ metadata }: ParquetFile): void {
    const { totalObjects, totalRecords, totalSpans, startTime, endTime } = this.meta;
    const say = (name: string, said: number, is: number, of: string) => {
      if (said !== is) this.#report("meta.json", `${name} ${said} where there are ${is} ${of}`);
    };
    if (totalObjects !== 0) say("totalObjects", totalObjects, metadata.rows, "traces");
    const rows = metadata.rowGroups.reduce((sum, group) => sum + group.rows, 0);
    if (rows !== metadata.rows) {
      this.#report(
        "data.parquet",
        `${rows} rows in row groups where the footer says ${metadata.rows}`,
      );
    }
    if (totalRecords !== 0) {
      say("totalRecords", totalRecords, metadata.rowGroups.length, "row groups");
    }
    if (totalSpans !== undefined && totalSpans !== 0) {
      say("totalSpans", totalSpans, this.#spans, "spans");
    }
    if (Date.parse(startTime) > Date.parse(endTime)) {
      this.#report("meta.json", `ends at ${endTime}, before it starts at ${startTime}`);
    }
  }

  /** It may be missing: hardly anybody reads it. */
  async #verifyIndex(): Promise<void> {
    const { tenantID, blockID } = this.meta;
    await this.#reported("index", async () => {
      const key = indexKey(tenantID, blockID);
      const bytes = await readIfThere(this.store, key, this.options.signal);
      if (bytes === undefined) return;
      this.#bytesRead += bytes.length;
      const said = rowGroupsOf(bytes);
      if (said === undefined) this.#report("index", "not a list of row groups");
      else if (said.length !== this.#lastIds.length) {
        this.#report("index", `${said.length} row groups where there are ${this.#lastIds.length}`);
      } else {
        const wrong = said.findIndex((id, i) => id !== this.#lastIds[i]);
        if (wrong >= 0) {
          const hex = Uint8Array.fromBase64(this.#lastIds[wrong]!).toHex();
          this.#report("index", `row group ${wrong} ends with ${hex}, which it does not say`);
        }
      }
    });
  }

  async #reported(where: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof NotFoundError) this.#report(where, "is missing");
      else if (error instanceof CorruptionError) this.#report(where, error.message);
      else throw error;
    }
  }

  #report(where: string, what: string): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ where, what });
  }
}

/** Undefined if it is too long to be one. */
function padded(id: Uint8Array): Uint8Array | undefined {
  if (id.length === ID_BYTES) return id;
  if (id.length > ID_BYTES) return undefined;
  const whole = new Uint8Array(ID_BYTES);
  whole.set(id, ID_BYTES - id.length);
  return whole;
}

function rowGroupsOf(bytes: Uint8Array): string[] | undefined {
  try {
    const { rowGroups } = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(rowGroups) ? rowGroups : undefined;
  } catch {
    return undefined;
  }
}

async function readIfThere(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await store.read(key, undefined, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
