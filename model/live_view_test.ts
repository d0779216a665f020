import assert from "node:assert/strict";
import fc from "fast-check";
import { AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { defaultDedicated } from "./dedicated_attributes.ts";
import { LiveView } from "./live_view.ts";
import { OtlpDecoder } from "./otlp_decode.ts";
import type { OwnColumns } from "./own_columns.ts";
import { nanoBase, SpanColumns } from "./span_columns.ts";
import type { AttributeScope, AttributeValues, SpanView, StringColumn } from "./span_view.ts";
import { layoutTraces } from "./trace_layout.ts";
import { nestedSets } from "./nested_set.ts";
import { encodeOtlp, requests } from "../tests/support/otlp.ts";

const scopes: AttributeScope[] = ["span", "resource", "instrumentation", "event", "link"];

Deno.test("live view tells the attributes of every scope, dedicated, listed, scalar or array", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { maxLength: 3 }), async (list) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      for (const request of list) decoder.decode(encodeOtlp(request));
      const view = LiveView.of(columns);
      for (const scope of scopes) {
        const expected = attributesOf(columns, scope);
        assert.deepEqual((await view.attributeKeys(scope)).sort(), [...expected.keys()].sort());
        for (const [key, owners] of expected) {
          assert.deepEqual(told(await view.attribute(scope, key)), owners, `${scope} ${key}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("live view asked for some strings tells all owners that have one of them", async () => {
  await fc.assert(
    fc.asyncProperty(requests, fc.subarray(["", "a", "ключ"]), async (request, anyOf) => {
      const columns = new SpanColumns(defaultDedicated);
      new OtlpDecoder(columns).decode(encodeOtlp(request));
      for (const scope of scopes) {
        for (const [key, owners] of attributesOf(columns, scope)) {
          const values = await LiveView.of(columns).attribute(scope, key, { anyOf });
          const hits = (of: Owners) =>
            Object.entries(of).flatMap(([owner, { values }]) =>
              values.filter((v) => anyOf.some((text) => v === `s:${text}`)).map((v) => owner + v)
            );
          assert.deepEqual(hits(told(values)), hits(owners), `${scope} ${key}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("live view asked about some owners tells all that they have", async () => {
  await fc.assert(
    fc.asyncProperty(requests, fc.nat({ max: 40 }), async (request, seed) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      for (let i = 0; i < 3; i++) decoder.decode(encodeOtlp(request));
      const some = Int32Array.of(seed % 5, 5 + seed % 7).filter((row) => row < columns.length);
      for (const [key, owners] of attributesOf(columns, "span")) {
        const values = told(await LiveView.of(columns).attribute("span", key, { owners: some }));
        for (const row of some) assert.deepEqual(values[row], owners[row], `${key} of ${row}`);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("renewed view is like one made anew, and the older one does not change", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: 2, maxLength: 4 }), async (list) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      let view = LiveView.of(columns);
      let before: { view: LiveView; told: unknown } | undefined;
      for (const request of list) {
        const length = columns.length;
        decoder.decode(encodeOtlp(request));
        if (columns.length === length) continue;
        view = view.renewed();
        const now = await everything(view);
        assert.deepEqual(now, await everything(LiveView.of(columns)));
        if (before !== undefined) assert.deepEqual(await everything(before.view), before.told);
        before = { view, told: now };
      }
      assert.equal(view.renewed(), view);
    }),
    { numRuns: 100 },
  );
});

Deno.test("traces and nested sets are those of the layout", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { maxLength: 3 }), async (list) => {
      const columns = new SpanColumns(defaultDedicated);
      const decoder = new OtlpDecoder(columns);
      for (const request of list) decoder.decode(encodeOtlp(request));
      const view = LiveView.of(columns);
      const traces = await view.traces();
      const layout = layoutTraces(columns);
      assert.equal(traces.length, columns.traces.length);
      const time = (words: Uint32Array, row: number) =>
        BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);
      for (let t = 0; t < traces.length; t++) {
        assert.equal(traces.firstSpan![t], columns.trace.subarray(0, columns.length).indexOf(t));
        let start = 2n ** 64n;
        let end = 0n;
        let root = ["", ""];
        const stats: Record<string, number[]> = {};
        // In the order of the layout, for the last of several roots counts.
        for (const row of layout.order) {
          if (columns.trace[row] !== t) continue;
          const from = time(columns.startUnixNano, row);
          const to = columns.endNano(row);
          if (from < start) start = from;
          if (to > end) end = to;
          const { serviceName, firstServiceName } = columns.resources;
          const service = columns.strings.text(serviceName[columns.resource[row]!]!);
          if ((columns.parentId[row * 2]! | columns.parentId[row * 2 + 1]!) === 0) {
            // Of a resource that names its service twice the first name is the root's, as the peer has it.
            const first = columns.strings.text(firstServiceName[columns.resource[row]!]!);
            root = [first, columns.strings.text(columns.name[row]!)];
          }
          const stat = stats[service] ??= [0, 0];
          stat[0]!++;
          if (columns.statusCode[row] === 2) stat[1]!++;
        }
        assert.equal(time(traces.startUnixNano, t), start);
        assert.equal(time(traces.endUnixNano, t), end);
        assert.deepEqual([text(traces.rootService, t), text(traces.rootName, t)], root);
        const told: Record<string, number[]> = {};
        for (let s = traces.statsStart[t]!; s < traces.statsStart[t + 1]!; s++) {
          told[text(traces.statsService, s)] = [traces.statsSpans[s]!, traces.statsErrors[s]!];
        }
        assert.deepEqual(told, stats);
      }
      const sets = nestedSets(columns, layout);
      const toldSets = await view.nestedSets();
      for (let i = 0; i < columns.length; i++) {
        assert.equal(toldSets.left[layout.order[i]!], sets.left[i]);
        assert.equal(toldSets.right[layout.order[i]!], sets.right[i]);
        assert.equal(toldSets.parent[layout.order[i]!], sets.parent[i]);
        assert.equal(toldSets.childCount[layout.order[i]!], sets.childCount[i]);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("events and links know their span, and events when they were", async () => {
  const columns = new SpanColumns(defaultDedicated);
  const span = (start: number, times: number[], links: number) => ({
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start),
    events: times.map((time) => ({ timeUnixNano: String(time), name: `e${time}` })),
    links: Array.from({ length: links }, () => ({ spanId: new Uint8Array(8).fill(links) })),
  });
  const spans = [span(100, [90, 150], 0), span(50, [], 2), span(7, [7], 1)];
  new OtlpDecoder(columns).decode(encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
  const view = LiveView.of(columns);
  const events = await view.events();
  assert.deepEqual([...events.spans], [0, 0, 2]);
  assert.deepEqual([...events.sinceStartNano], [-10, 50, 0]);
  assert.equal(text(events.names, 1), "e150");
  const links = await view.links();
  assert.deepEqual([...links.spans], [1, 1, 2]);
  assert.deepEqual([...links.spanIdWords.subarray(4, 6)], [0x01010101, 0x01010101]);
  assert.equal(nanoBase(0n).low, 0);
});

const text = ({ codes, strings }: StringColumn, row: number) => strings.text(codes[row]!);

type Owners = Record<number, { isArray: boolean; values: string[] }>;

/** By key and owner, straight from the lists; values sorted. */
function attributesOf(columns: SpanColumns, scope: AttributeScope): Map<string, Owners> {
  const { strings, resources } = columns;
  const found = new Map<string, Owners>();
  const add = (key: string, owner: number, values: string[], isArray = false) => {
    if (!found.has(key)) found.set(key, {});
    const entry = found.get(key)![owner] ??= { isArray: false, values: [] };
    entry.values = [...entry.values, ...values].sort();
    entry.isArray ||= isArray;
  };
  const tables = {
    span: columns,
    resource: resources,
    instrumentation: columns.scopes,
    event: columns.events,
    link: columns.links,
  };
  const { length, attributeStart } = tables[scope];
  const list: AttributeColumns = tables[scope].attributes;
  const scalar = (type: number, words: Uint32Array, at: number) => {
    const value = words.slice(at * 2, at * 2 + 2);
    if (type === AttributeType.String) return "s:" + strings.text(value[0]!);
    if (type === AttributeType.Unsupported) return "o:" + strings.text(value[0]!);
    if (type === AttributeType.Bool) return "b:" + value[0];
    return (type === AttributeType.Int ? "i:" : "d:") + value.join();
  };
  for (let owner = 0; owner < length; owner++) {
    for (let i = attributeStart[owner]!; i < attributeStart[owner + 1]!; i++) {
      const key = strings.text(list.key[i]!);
      const type = list.type[i]!;
      if (type < AttributeType.EmptyArray) add(key, owner, [scalar(type, list.words, i)]);
      else {
        const elements = Array.from(
          { length: list.words[i * 2 + 1]! },
          (_, k) =>
            scalar(type - AttributeType.EmptyArray, list.elementWords, list.words[i * 2]! + k),
        );
        add(key, owner, elements, true);
      }
    }
    const ofScope: Partial<Record<AttributeScope, OwnColumns>> = {
      span: columns.own,
      resource: resources.own,
      event: columns.events.own,
    };
    const own = ofScope[scope];
    own?.strings.forEach((codes, slot) => {
      if (codes[owner] === 0) return;
      add(own.keys.strings[slot]!, owner, ["s:" + strings.text(codes[owner]!)]);
    });
    own?.ints.forEach(({ words, isPresent }, slot) => {
      if (!isPresent[owner]) return;
      add(own.keys.ints[slot]!, owner, ["i:" + words.slice(owner * 2, owner * 2 + 2).join()]);
    });
    if (scope === "resource") {
      const service = strings.text(resources.serviceName[owner]!);
      if (service !== "") add("service.name", owner, ["s:" + service]);
    }
  }
  return found;
}

function told(found: AttributeValues): Owners {
  const owners: Owners = {};
  let previous = -1;
  for (let i = 0; i < found.ownerCount; i++) {
    const owner = found.owners[i]!;
    assert.ok(owner > previous, "owners ascend");
    previous = owner;
    owners[owner] = { isArray: found.isArray?.[i] === 1, values: [] };
  }
  const add = (of: { owners: Int32Array } | undefined, i: number, value: string) =>
    owners[of!.owners[i]!]!.values.push(value);
  const { strings, ints, doubles, bools, others } = found;
  for (let i = 0; i < (strings?.length ?? 0); i++) add(strings, i, "s:" + text(strings!, i));
  for (let i = 0; i < (others?.length ?? 0); i++) add(others, i, "o:" + text(others!, i));
  for (let i = 0; i < (bools?.length ?? 0); i++) add(bools, i, "b:" + bools!.values[i]);
  for (let i = 0; i < (ints?.length ?? 0); i++) {
    add(ints, i, "i:" + ints!.words.slice(i * 2, i * 2 + 2).join());
  }
  for (let i = 0; i < (doubles?.length ?? 0); i++) {
    const bits = new Uint32Array(doubles!.values.slice(i, i + 1).buffer);
    add(doubles, i, "d:" + bits.join());
  }
  for (const entry of Object.values(owners)) entry.values.sort();
  return owners;
}

/** Whatever a view tells, as plain data. */
async function everything(view: SpanView): Promise<unknown> {
  const attributes: Record<string, Owners> = {};
  for (const scope of scopes) {
    for (const key of (await view.attributeKeys(scope)).sort()) {
      attributes[`${scope} ${key}`] = told(await view.attribute(scope, key));
    }
  }
  const traces = await view.traces();
  const stats = (column: Int32Array) => [...column.subarray(0, traces.statsStart[traces.length])];
  return {
    attributes,
    traces: [...traces.idWords, ...traces.startUnixNano, ...traces.endUnixNano],
    roots: Array.from({ length: traces.length }, (_, t) => text(traces.rootName, t)),
    stats: [...traces.statsStart, ...stats(traces.statsSpans), ...stats(traces.statsErrors)],
    sets: Object.values(await view.nestedSets()).map((column) => [...column]),
    spans: [...await view.spanIds(), ...await view.durationNano(), ...await view.kinds()],
    events: [...(await view.events()).spans, ...(await view.links()).spans],
  };
}
