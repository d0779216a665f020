// Answers of whole blocks to questions that were asked before: the role frontend-search.
// Rules: an answer is kept and used only where the question's time covers everything in the block, so that
// it does not depend on that time; a question with a kept answer is answered as without, part by
// part, so that it also ends early at the same place. Live data has no part in it.
//
//   sj:<tenant>/<hash of the question>/<block>/<its size>/0-<row groups>        st: tags  stv: values  qr:
import { createHash } from "node:crypto";

import type { BlockMeta } from "../../model/block_meta.ts";
import type { CacheCodec, RoleCache, TimeBounds } from "../../storage/mod.ts";
import {
  answerBytes,
  gridPhase,
  type MetricsAnswer,
  type MetricsRequest,
  type OffGrid,
  offGrid,
  onGrid,
  type QueryAnswer,
  type QueryRequest,
} from "../engine/mod.ts";
import { decodeAnswer, encodeAnswer } from "./answer_codec.ts";

const PREFIXES = { search: "sj", tags: "st", tag_values: "stv", metrics: "qr" } as const;

/** Larger ones take longer to write down than they save. */
const CELLS_MAX = 1 << 17;
/** More are read back more slowly than a row group tells them that has told them before. */
const VALUES_MAX = 1_000;
const SECOND = 1_000_000_000n;

export interface Kept {
  /** Undefined: the answer does not depend on time at all. */
  readonly bounds: TimeBounds | undefined;
  /** By row group. */
  readonly parts: readonly (QueryAnswer | OffGrid)[];
}

/** Those to one question. */
export class KeptAnswers {
  readonly #question: string;

  /** Undefined for a question whose answers nobody will ask for again, or that no other fits. */
  static to(request: QueryRequest, cache: RoleCache<Kept>): KeptAnswers | undefined {
    if (request.isExplained || request.blockJob !== undefined) return undefined;
    if (request.kind === "search" && request.page !== undefined) return undefined;
    // They belong to stretches of one range, which has moved on when the question comes again.
    const hasExemplars = request.kind === "metrics" && request.exemplars > 0;
    return hasExemplars ? undefined : new KeptAnswers(cache, request);
  }

  private constructor(readonly cache: RoleCache<Kept>, readonly request: QueryRequest) {
    const { tenant, kind } = request;
    this.#question = `${PREFIXES[kind]}:${tenant}/${hashOf(request)}`;
  }

  /** By row group; undefined where there is none that fits. */
  async of(meta: BlockMeta): Promise<QueryAnswer[] | undefined> {
    const { request } = this;
    const timesOfMeta = {
      minNano: BigInt(Date.parse(meta.startTime)) * 1_000_000n,
      maxNano: BigInt(Date.parse(meta.endTime)) * 1_000_000n,
    };
    if (!covers(request, timesOfMeta)) return undefined;
    const kept = await this.cache.get(this.#name(meta));
    if (kept === undefined || !covers(request, kept.bounds)) return undefined;
    const answers = kept.parts.map((part) =>
      request.kind === "metrics" ? onGrid(request, part as OffGrid) : part as QueryAnswer
    );
    return answers.includes(undefined) ? undefined : answers as QueryAnswer[];
  }

  /** `parts`: of every row group of the block. */
  keep(meta: BlockMeta, bounds: TimeBounds | undefined, parts: readonly QueryAnswer[]): void {
    const { request } = this;
    const isTimeless = request.kind === "tags" || request.kind === "tag_values";
    if (!isTimeless && (bounds === undefined || !covers(request, bounds))) return;
    if (!parts.every(isWorthKeeping)) return;
    const kept: Kept = {
      bounds: isTimeless ? undefined : bounds,
      parts: parts.map((part) => {
        const unread = { ...part, inspectedBytes: 0 }; // whoever finds it has read nothing
        return unread.kind === "metrics" ? offGrid(request as MetricsRequest, unread) : unread;
      }),
    };
    this.cache.put(this.#name(meta), kept);
  }

  #name({ blockID, size, totalRecords }: BlockMeta): string {
    return `${this.#question}/${blockID}/${size}/0-${totalRecords}`;
  }
}

/**
 * In memory answers are kept as they are: to write one down takes a good part of the time that it took to
 * find it, so that is done for a second tier alone.
 */
export const ANSWERS: CacheCodec<Kept> = {
  sizeOf: ({ parts }) =>
    parts.reduce((sum, part) => {
      return sum + PART_BYTES + answerBytes("first" in part ? part.answer : part);
    }, 0),
  own: (kept) => kept, // nobody changes answers
  encode: encodeAnswer,
  decode: (bytes) => {
    try {
      const kept = decodeAnswer<Partial<Kept>>(bytes);
      return Array.isArray(kept.parts) ? kept as Kept : undefined;
    } catch {
      return undefined; // of another version
    }
  },
};

const PART_BYTES = 300;

function isWorthKeeping(part: QueryAnswer): boolean {
  if (part.kind === "tag_values") return part.values.length <= VALUES_MAX;
  if (part.kind !== "metrics") return true;
  return cellsOf(part) <= CELLS_MAX;
}

function cellsOf({ leaves }: MetricsAnswer): number {
  return leaves.reduce(
    (sum, { series, compared }) =>
      sum + series.length * (series[0]?.values.length ?? 0) +
      compared.reduce((all, { cells }) => all + cells.length, 0),
    0,
  );
}

/** All that decides the answer of a block, but for the tenant and the time. */
function hashOf(request: QueryRequest): string {
  return createHash("sha256").update(JSON.stringify(askedBy(request))).digest("base64url");
}

function askedBy(request: QueryRequest): readonly unknown[] {
  switch (request.kind) {
    case "search":
      return [request.query, request.limit, request.spansPerSpanSet];
    case "tags":
      return [request.query, request.scope];
    case "tag_values":
      return [request.query, request.tag, request.limit, request.bytesMax];
    case "metrics": {
      const { query, stepNano, isInstant, exemplars, startNano, endNano } = request;
      const grid = [isInstant ? 0 : String(stepNano), String(gridPhase(request)), isInstant];
      // Exemplars are dealt out over the whole range.
      return [query, ...grid, exemplars, ...exemplars > 0 ? [`${startNano}-${endNano}`] : []];
    }
  }
}

function covers(request: QueryRequest, bounds: TimeBounds | undefined): boolean {
  if (request.kind === "tags" || request.kind === "tag_values") return true;
  if (bounds === undefined) return false;
  const { minNano, maxNano } = bounds;
  if (request.kind === "metrics") {
    const { startNano, endNano, spansFromNano = minNano, spansToNano = maxNano + 1n } = request;
    if (spansFromNano > minNano || maxNano >= spansToNano) return false;
    return startNano < minNano && maxNano <= endNano;
  }
  const { startSeconds, endSeconds } = request;
  const isAfterStart = startSeconds === 0 || BigInt(startSeconds) * SECOND <= minNano;
  return isAfterStart && (endSeconds === 0 || maxNano <= BigInt(endSeconds) * SECOND);
}
