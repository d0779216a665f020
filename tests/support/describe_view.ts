// Everything a SpanView says of each span, in an order that does not depend on its rows: two views of
// the same spans give equal descriptions.
import type {
  AttributeScope,
  AttributeStrings,
  AttributeValues,
  SpanView,
  StringColumn,
} from "../../model/span_view.ts";

type Attributes = string[][];

export async function describeView(view: SpanView): Promise<string[]> {
  const traces = await view.traces();
  const [traceOf, resourceOf, scopeOf] = await Promise.all([
    view.traceOfSpan(),
    view.resourceOfSpan(),
    view.scopeOfSpan(),
  ]);
  const [services, scopeNames, scopeVersions, names, messages] = await Promise.all([
    view.services(),
    view.scopeNames(),
    view.scopeVersions(),
    view.names(),
    view.statusMessages(),
  ]);
  const [kinds, codes, starts, durations, ids, parents, nested] = await Promise.all([
    view.kinds(),
    view.statusCodes(),
    view.startUnixNano(),
    view.durationNano(),
    view.spanIds(),
    view.parentIds(),
    view.nestedSets(),
  ]);
  const ofResource = await attributesOf(view, "resource");
  const ofScope = await attributesOf(view, "instrumentation");
  const ofSpan = await attributesOf(view, "span");
  const events = await eventsOf(view);
  const links = await linksOf(view);
  const described: string[] = [];
  for (let span = 0; span < view.spanCount; span++) {
    const trace = traceOf[span]!;
    described.push(JSON.stringify({
      trace: {
        id: hex(traces.idWords, trace, 4),
        start: nano(traces.startUnixNano, trace),
        end: nano(traces.endUnixNano, trace),
        rootService: textOf(traces.rootService, trace),
        rootName: textOf(traces.rootName, trace),
        stats: Array.from(
          { length: traces.statsStart[trace + 1]! - traces.statsStart[trace]! },
          (_, i) => {
            const row = traces.statsStart[trace]! + i;
            const counts = [traces.statsSpans[row], traces.statsErrors[row]];
            return `${textOf(traces.statsService, row)} ${counts}`;
          },
        ).sort(),
      },
      resource: [textOf(services, resourceOf[span]!), ofResource[resourceOf[span]!] ?? []],
      scope: [
        textOf(scopeNames, scopeOf[span]!),
        textOf(scopeVersions, scopeOf[span]!),
        ofScope[scopeOf[span]!] ?? [],
      ],
      id: hex(ids, span, 2),
      parent: hex(parents, span, 2),
      name: textOf(names, span),
      status: [codes[span], textOf(messages, span)],
      kind: kinds[span],
      start: nano(starts, span),
      duration: durations[span],
      nested: [nested.left[span], nested.right[span], nested.parent[span], nested.childCount[span]],
      attributes: ofSpan[span] ?? [],
      events: events[span] ?? [],
      links: links[span] ?? [],
    }));
  }
  return described.sort();
}

async function eventsOf(view: SpanView): Promise<unknown[][]> {
  const { length, spans, names, sinceStartNano } = await view.events();
  const attributes = await attributesOf(view, "event");
  return grouped(length, spans, (row) => [
    textOf(names, row),
    sinceStartNano[row],
    attributes[row] ?? [],
  ]);
}

async function linksOf(view: SpanView): Promise<unknown[][]> {
  const { length, spans, traceIdWords, spanIdWords } = await view.links();
  const attributes = await attributesOf(view, "link");
  return grouped(length, spans, (row) => [
    hex(traceIdWords, row, 4),
    hex(spanIdWords, row, 2),
    attributes[row] ?? [],
  ]);
}

function grouped(length: number, spans: Int32Array, tell: (row: number) => unknown): unknown[][] {
  const bySpan: unknown[][] = [];
  for (let row = 0; row < length; row++) (bySpan[spans[row]!] ??= []).push(tell(row));
  return bySpan;
}

/** By owner: [key, type, values…] of each key, sorted. */
export async function attributesOf(view: SpanView, scope: AttributeScope): Promise<Attributes[]> {
  const byOwner: Attributes[] = [];
  for (const key of await view.attributeKeys(scope)) {
    const values = await view.attribute(scope, key);
    const own = describeValues(values);
    for (const [owner, told] of own) (byOwner[owner] ??= []).push([key, ...told]);
  }
  for (const attributes of byOwner) attributes?.sort((a, b) => `${a}` < `${b}` ? -1 : 1);
  return byOwner;
}

/** By owner: whether it is an array, and each value with its type. */
export function describeValues(values: AttributeValues): Map<number, string[]> {
  const byOwner = new Map<number, string[]>();
  for (let i = 0; i < values.ownerCount; i++) {
    byOwner.set(values.owners[i]!, [values.isArray?.[i] === 1 ? "array" : "one"]);
  }
  const put = (owner: number, told: string) => byOwner.get(owner)!.push(told);
  const putTexts = (type: string, found: AttributeStrings | undefined) => {
    for (let i = 0; i < (found?.length ?? 0); i++) {
      put(found!.owners[i]!, `${type} ${found!.strings.text(found!.codes[i]!)}`);
    }
  };
  putTexts("string", values.strings);
  putTexts("other", values.others);
  const { ints, doubles, bools } = values;
  for (let i = 0; i < (ints?.length ?? 0); i++) {
    put(ints!.owners[i]!, `int ${nano(ints!.words, i)}`);
  }
  for (let i = 0; i < (doubles?.length ?? 0); i++) {
    const value = doubles!.values[i]!;
    put(doubles!.owners[i]!, `double ${Object.is(value, -0) ? "-0" : value}`);
  }
  for (let i = 0; i < (bools?.length ?? 0); i++) put(bools!.owners[i]!, `bool ${bools!.values[i]}`);
  return byOwner;
}

/** A block stores the empty string where a field of a span was not sent. */
function textOf({ codes, strings }: StringColumn, row: number): string {
  return codes[row] === 0 ? "" : strings.text(codes[row]!);
}

const hex = (words: Uint32Array, row: number, width: number) =>
  new Uint8Array(words.slice(row * width, (row + 1) * width).buffer).toHex();
const nano = (words: Uint32Array, row: number) =>
  String(BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!));
