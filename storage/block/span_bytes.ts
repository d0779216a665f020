// About how many bytes each span would have as OTLP, without its resource and scope: the measure by
// which a trace is too large to be compacted whole. Tags, lengths and small numbers are counted as a
// constant each; within some ten per cent of the truth for spans with attributes.

import type { AttributeColumns } from "../../model/attribute_columns.ts";
import type { OwnColumns } from "../../model/own_columns.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { StringTable } from "../../model/string_table.ts";
import { ABSENT } from "../../model/string_table.ts";

/** Ids, times, kind, status and their tags. */
const SPAN_BYTES = 64;
const EVENT_BYTES = 14;
const LINK_BYTES = 32;
/** Tags and lengths of key, value and pair; 8 of a number. */
const ATTRIBUTE_BYTES = 8;
const STRING = 1;
const UNSUPPORTED = 5;

export function spanBytes(columns: SpanColumns, row: number): number {
  const { strings, attributes, events, links } = columns;
  let bytes = SPAN_BYTES + strings.byteLength(columns.name[row]!) +
    strings.byteLength(columns.statusMessage[row]!) + strings.byteLength(columns.traceState[row]!);
  const { attributeStart, eventStart, linkStart } = columns;
  bytes += listBytes(strings, attributes, attributeStart[row]!, attributeStart[row + 1]!);
  bytes += ownBytes(strings, columns.own, row);
  for (let event = eventStart[row]!; event < eventStart[row + 1]!; event++) {
    const [from, to] = [events.attributeStart[event]!, events.attributeStart[event + 1]!];
    bytes += EVENT_BYTES + strings.byteLength(events.name[event]!) +
      listBytes(strings, events.attributes, from, to) + ownBytes(strings, events.own, event);
  }
  for (let link = linkStart[row]!; link < linkStart[row + 1]!; link++) {
    const [from, to] = [links.attributeStart[link]!, links.attributeStart[link + 1]!];
    bytes += LINK_BYTES + listBytes(strings, links.attributes, from, to);
  }
  return bytes;
}

function ownBytes(table: StringTable, { keys, strings, ints }: OwnColumns, owner: number): number {
  let bytes = 0;
  for (const [slot, codes] of strings.entries()) {
    if (codes[owner] === ABSENT) continue;
    bytes += ATTRIBUTE_BYTES + keys.strings[slot]!.length + table.byteLength(codes[owner]!);
  }
  for (const [slot, { isPresent }] of ints.entries()) {
    if (isPresent[owner] === 1) bytes += ATTRIBUTE_BYTES + keys.ints[slot]!.length + 3;
  }
  return bytes;
}

function listBytes(strings: StringTable, list: AttributeColumns, from: number, to: number): number {
  let bytes = 0;
  for (let i = from; i < to; i++) {
    const type = list.type[i]!;
    bytes += ATTRIBUTE_BYTES + strings.byteLength(list.key[i]!);
    if (type === STRING || type === UNSUPPORTED) bytes += strings.byteLength(list.words[i * 2]!);
    else if (type > 8) bytes += list.words[i * 2 + 1]! * 8; // an array
    else bytes += 3;
  }
  return bytes;
}
