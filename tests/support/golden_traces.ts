// Every golden trace as it went into the golden blocks: not cut, none left out, no receiver between.
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";

const FOLDER = new URL("../golden/traces/", import.meta.url);

export interface GoldenTrace {
  readonly name: string;
  /** TracesData. */
  readonly message: Uint8Array;
}

export function allGoldenTraces(): GoldenTrace[] {
  const index = JSON.parse(Deno.readTextFileSync(new URL("index.json", FOLDER)));
  const bytes = Deno.readFileSync(new URL("rich.otlp.pb", FOLDER));
  const view = new DataView(bytes.buffer);
  let at = 0;
  return index.traces.map(({ name }: { name: string }) => {
    const start = at + 4;
    at = start + view.getUint32(at, true);
    return { name, message: bytes.subarray(start, at) };
  });
}

export function allGoldenSpans(dedicated = defaultDedicated): SpanColumns {
  const columns = new SpanColumns(dedicated);
  const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
  for (const { message } of allGoldenTraces()) decoder.decode(message);
  return columns;
}

/** Of one trace, by its name. */
export function goldenSpansOf(name: string): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
  for (const trace of allGoldenTraces()) if (trace.name === name) decoder.decode(trace.message);
  return columns;
}
