// Who calls and who is called: what a span of one side of a call says of its service.
// Rule: what is the same for all spans of a kind is a Party, learnt once, see SpanKeys; what is a span's
// own (times, failure) is a Half.

import type { SpanColumns } from "../model/span_columns.ts";
import { attributeText, spanText } from "./attributes.ts";
import { SpanKind } from "./enum_names.ts";
import { weightOfRatio } from "./multiplier.ts";
import type { ServiceGraphSettings } from "./settings.ts";
import { isValidText } from "./valid_text.ts";

export interface Party {
  /** Of this party among all that were ever learnt; from 1. */
  readonly id: number;
  readonly service: string;
  /** Of each dimension the value, empty if it has none. */
  readonly dimensions: readonly string[];
  /** How it calls the other side where that does not show; empty if it does not. */
  readonly peer: string;
  /** What it calls if that is a database; empty if it is none. */
  readonly database: string;
  /** Undefined if no ratio is known. */
  readonly weight: number | undefined;
}

export interface Half {
  party: Party;
  spanKind: number;
  /** Calls, or is called. */
  isClient: boolean;
  /** Has no parent. */
  isRoot: boolean;
  isFailed: boolean;
  seconds: number;
  /** Relative to a moment that all halves share. */
  startNano: number;
  endNano: number;
  weight: number;
}

/** Undefined if a text of it is not UTF-8. */
export function partyOf(
  spans: SpanColumns,
  row: number,
  id: number,
  { databaseAttributes, dimensions, multiplier, peerAttributes }: ServiceGraphSettings,
): Party | undefined {
  const service = spans.strings.text(spans.resources.serviceName[spans.resource[row]!]!);
  const party: Party = {
    id,
    service,
    dimensions: dimensions.map((key) => attributeText(spans, row, key)),
    peer: firstText(spans, row, peerAttributes),
    database: spans.kind[row] === SpanKind.Client ? databaseOf(spans, row, databaseAttributes) : "",
    weight: weightOfRatio(spans, row, multiplier.ratioAttribute),
  };
  const texts = [service, ...party.dimensions, party.peer, party.database];
  return texts.every((text) => isValidText(spans.strings, text)) ? party : undefined;
}

/** Attributes of spans that a party is made of. */
export function partyAttributes(settings: ServiceGraphSettings): string[] {
  const { databaseAttributes, dimensions, multiplier, peerAttributes } = settings;
  return [
    ...dimensions,
    ...peerAttributes,
    ...databaseAttributes,
    ...DATABASE_HOSTS,
    ...PEER_ADDRESS,
    ...multiplier.ratioAttribute === "" ? [] : [multiplier.ratioAttribute],
  ];
}

const DATABASE_HOSTS = ["peer.service", "server.address"];
const PEER_ADDRESS = ["network.peer.address", "network.peer.port"] as const;

/** The host that it runs on, where that is known, else its own name. */
function databaseOf(spans: SpanColumns, row: number, attributes: readonly string[]): string {
  const name = firstText(spans, row, attributes);
  if (name === "") return "";
  const host = firstText(spans, row, DATABASE_HOSTS);
  if (host !== "") return host;
  const [address, port] = PEER_ADDRESS.map((key) => spanText(spans, row, key) ?? "");
  if (address !== "") return port === "" ? address! : `${address}:${port}`;
  return name;
}

function firstText(spans: SpanColumns, row: number, keys: readonly string[]): string {
  for (const key of keys) {
    const text = spanText(spans, row, key);
    if (text !== undefined && text !== "") return text;
  }
  return "";
}
