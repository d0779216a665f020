// Blocks of a few spans whose ids are numbers, and what is in a block, told plainly.
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { openBlock } from "../../storage/block/block.ts";
import { BlockCache } from "../../storage/block/block_cache.ts";
import { writeBlock } from "../../storage/block/block_writer.ts";
import type { MemoryObjectStore } from "../../storage/store/memory.ts";
import { decodeOtlp, encodeOtlp, type Plain } from "./otlp.ts";

export const TENANT = "single-tenant";
export const T0_MS = 1_767_268_800_000;

/** A block of spans given as [trace, span]; its id is a number. Start goes down with it. */
export async function putBlock(
  store: MemoryObjectStore,
  block: number,
  spans: readonly (readonly [number, number])[],
  spansPerRowGroup = 80_000,
  padding = "",
): Promise<BlockMeta> {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const [trace, span] of spans) {
    decoder.decode(encodeOtlp({
      resourceSpans: [{
        resource: {
          attributes: [{ key: "service.name", value: { stringValue: `s${trace % 3}` } }],
        },
        scopeSpans: [{
          spans: [{
            traceId: new Uint8Array(16).fill(trace + 1),
            spanId: new Uint8Array(8).fill(span + 1),
            name: `span ${span}`,
            startTimeUnixNano: String(BigInt(T0_MS + span) * 1_000_000n),
            endTimeUnixNano: String(BigInt(T0_MS + span + 5) * 1_000_000n),
            attributes: [{ key: "padding", value: { stringValue: padding } }],
          }],
        }],
      }],
    }));
  }
  const blockId = `00000000-0000-4000-8000-${String(block).padStart(12, "0")}`;
  return await writeBlock(
    store,
    {
      tenant: TENANT,
      blockId,
      columns,
      spansPerRowGroup,
      codec: "none",
      clampStartMs: T0_MS - 1000 * block,
      clampEndMs: T0_MS + 60_000,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    () => Promise.resolve(),
    new AbortController().signal,
  );
}

/** The spans that a block has of a trace, as they were given. */
export async function spansIn(
  store: MemoryObjectStore,
  meta: BlockMeta,
  trace: number,
): Promise<number[]> {
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const found = await block.findTrace(new Uint8Array(16).fill(trace + 1));
  if (found === undefined) return [];
  return decodeOtlp(found).resourceSpans.flatMap(({ scopeSpans }: Plain) =>
    scopeSpans.flatMap(({ spans }: Plain) =>
      spans.map(({ spanId }: Plain) => Uint8Array.from(spanId)[0]! - 1)
    )
  );
}

/** Every span with its resource and scope as text, in a fixed order. */
export function spansOf(message: Uint8Array): string[] {
  const spans: string[] = [];
  for (const { resource, scopeSpans, ...ofResource } of decodeOtlp(message).resourceSpans) {
    for (const { scope, spans: list, ...ofScope } of scopeSpans) {
      if (list.length === 0) spans.push(text({ resource, scope }));
      for (const span of list) spans.push(text({ resource, scope, span, ofResource, ofScope }));
    }
  }
  return spans.sort();
}

const text = (value: Plain) => JSON.stringify(canonical(value));

function canonical(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(canonical);
  if (value instanceof Uint8Array) return value.toHex();
  if (value === null || typeof value !== "object") return value;
  const copy: Plain = {};
  for (const key of Object.keys(value).sort()) copy[key] = canonical(value[key]);
  if (Array.isArray(copy.attributes)) {
    copy.attributes.sort((a: Plain, b: Plain) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  }
  return copy;
}
