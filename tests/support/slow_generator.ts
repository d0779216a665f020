// The generator as one would explain it: objects, label texts and maps, nothing kept for speed.
// Of counters, gauges and classic histograms the last value, by name and labels. Limits, native
// histograms and names without ids are not here: they have tests of their own.
import type { AttributeMatch, FilterPolicy, GeneratorSettings } from "../../generator/mod.ts";
import {
  type PlainAttributes,
  type PlainSpan,
  type PlainValue,
  spanSize,
} from "./generator_spans.ts";

export interface SlowPush {
  readonly nowMs: number;
  readonly spans: readonly PlainSpan[];
}

type Labels = Readonly<Record<string, string>>;

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUSES = ["UNSET", "OK", "ERROR"];
const INTRINSICS = ["service", "span_name", "span_kind", "status_code", "status_message"];

export function slowSeries(
  settings: GeneratorSettings,
  pushes: readonly SlowPush[],
  collectMs: number,
): Map<string, number> {
  const slow = new SlowGenerator(settings);
  for (const { nowMs, spans } of pushes) slow.push(spans, nowMs);
  slow.expire(collectMs);
  return slow.series;
}

export function seriesKey(name: string, labels: Labels): string {
  const told = Object.entries(labels).filter(([, value]) => value !== "");
  return `${name} ${JSON.stringify(told.sort(([a], [b]) => a < b ? -1 : 1))}`;
}

interface Half {
  readonly span: PlainSpan;
  readonly weight: number;
  readonly cameMs: number;
}

class SlowGenerator {
  readonly series = new Map<string, number>();
  /** By trace and span; in the order they came. */
  readonly #waiting = new Map<string, Half>();

  constructor(readonly settings: GeneratorSettings) {}

  push(spans: readonly PlainSpan[], nowMs: number): void {
    this.expire(nowMs);
    const near = spans.filter(({ startMs, durationMs }) =>
      Math.abs(startMs + durationMs - nowMs) <= this.settings.slackMs
    );
    for (const span of near) {
      if (this.#hasAny("span-metrics")) this.#spanMetrics(span);
      if (this.#hasAny("service-graphs")) this.#serviceGraph(span, nowMs);
      if (this.#hasAny("host-info")) this.#hostInfo(span);
    }
  }

  #has(processor: string): boolean {
    return (this.settings.processors as readonly string[]).includes(processor);
  }

  #hasAny(prefix: string): boolean {
    return this.settings.processors.some((name) => name.startsWith(prefix));
  }

  #spanMetrics(span: PlainSpan): void {
    const { spanMetrics: settings } = this.settings;
    if (!passes(settings.policies, span)) return;
    const { resource } = span;
    const service = textOf(resource["service.name"]) ?? "";
    const namespace = textOf(resource["service.namespace"]) ?? "";
    const intrinsic: Record<string, string> = {
      service,
      span_name: span.name,
      span_kind: named("SPAN_KIND_", KINDS, span.kind),
      status_code: named("STATUS_CODE_", STATUSES, span.status),
      status_message: span.statusMessage,
    };
    const labels: Record<string, string> = {};
    for (const [name, isOn] of Object.entries(settings.intrinsics)) {
      if (isOn) labels[name] = intrinsic[name]!;
    }
    const job = namespace !== "" && service !== "" ? `${namespace}/${service}` : service;
    const instance = settings.hasInstanceLabel ? textOf(resource["service.instance.id"]) ?? "" : "";
    if (settings.hasTargetInfo) Object.assign(labels, { job, instance });
    for (const key of settings.dimensions) {
      const label = labelOf(key);
      const isTaken = INTRINSICS.includes(label) ||
        (settings.hasTargetInfo && (label === "job" || label === "instance"));
      labels[isTaken ? `__${label}` : label] = lookUp(span, key);
    }
    for (const { name, attributes, join } of settings.mappings) {
      const values = attributes.map((key) => lookUp(span, key)).filter((value) => value !== "");
      labels[labelOf(name)] = values.join(join);
    }
    const weight = weightOf(span, settings.multiplier);
    const seconds = Math.max(0, span.durationMs) / 1000;
    if (this.#has("span-metrics-count")) {
      this.#add("traces_spanmetrics_calls_total", labels, weight);
    }
    if (this.#has("span-metrics-size")) {
      this.#add("traces_spanmetrics_size_total", labels, spanSize(span));
    }
    if (this.#has("span-metrics-latency")) {
      this.#observe("traces_spanmetrics_latency", labels, settings.buckets, seconds, weight);
    }
    if (!settings.hasTargetInfo || job + instance === "") return;
    const info: Record<string, string> = {};
    for (const [key, value] of Object.entries(resource)) {
      if (["service.name", "service.namespace", "service.instance.id"].includes(key)) continue;
      if (settings.targetInfoExcluded.includes(key) || textOf(value) === "") continue;
      const label = labelOf(key);
      const isTaken = [...INTRINSICS, "job", "instance"].includes(label);
      info[isTaken ? `__${label}` : label] = textOf(value)!;
    }
    if (Object.keys(info).length > 0) {
      this.series.set(seriesKey("traces_target_info", { ...info, job, instance }), 1);
    }
  }

  #hostInfo({ resource }: PlainSpan): void {
    const { identifiers, metric } = this.settings.hostInfo;
    const source = identifiers.find((key) => (textOf(resource[key]) ?? "") !== "");
    if (source === undefined) return;
    const labels = { grafana_host_id: textOf(resource[source])!, host_source: source };
    this.series.set(seriesKey(metric, labels), 1);
  }

  #serviceGraph(span: PlainSpan, nowMs: number): void {
    const { serviceGraphs: settings } = this.settings;
    const isClient = span.kind === 3 || span.kind === 4;
    if (!isClient && span.kind !== 2 && span.kind !== 5) return;
    if ((textOf(span.resource["service.name"]) ?? "") === "") return;
    if (!passes(settings.policies, span)) return;
    const key = `${span.trace}-${isClient ? span.span : span.parent}`;
    const half: Half = { span, weight: weightOf(span, settings.multiplier), cameMs: nowMs };
    const other = this.#waiting.get(key);
    const database = span.kind === 3 ? databaseOf(span, settings.databaseAttributes) : "";
    if (database !== "") {
      this.#waiting.delete(key);
      this.#edge(half, undefined, "database", database);
    } else if (other === undefined) {
      if (this.#waiting.size < settings.edgesMax) this.#waiting.set(key, half);
    } else if (isClientSide(other.span) === isClient) {
      this.#waiting.set(key, { ...half, cameMs: other.cameMs });
    } else {
      this.#waiting.delete(key);
      const [client, server] = isClient ? [half, other] : [other, half];
      const isMessaging = client.span.kind === 4 || server.span.kind === 5;
      this.#edge(client, server, isMessaging ? "messaging_system" : "", "");
    }
  }

  expire(nowMs: number): void {
    const { waitMs, peerAttributes } = this.settings.serviceGraphs;
    for (const [key, half] of this.#waiting) {
      if (half.cameMs >= nowMs - waitMs) continue;
      this.#waiting.delete(key);
      const peer = first(half.span, peerAttributes);
      if (isClientSide(half.span)) {
        if (peer !== "") this.#edge(half, undefined, "virtual_node", peer);
      } else if (half.span.parent === 0) {
        this.#edge(undefined, half, "virtual_node", peer === "" ? "user" : peer);
      }
    }
  }

  #edge(client: Half | undefined, server: Half | undefined, type: string, other: string): void {
    const { serviceGraphs: settings } = this.settings;
    const serviceOf = (half: Half | undefined) =>
      half === undefined ? other : textOf(half.span.resource["service.name"])!;
    const labels: Record<string, string> = {
      client: serviceOf(client),
      server: serviceOf(server),
      connection_type: type,
    };
    if (settings.hasVirtualNodeLabel && type === "virtual_node") {
      labels["virtual_node"] = client === undefined ? "client" : "server";
    }
    for (const key of settings.dimensions) {
      const ofClient = client === undefined ? "" : lookUp(client.span, key);
      const ofServer = server === undefined ? "" : lookUp(server.span, key);
      if (settings.hasPrefixes) {
        labels[`client_${labelOf(key)}`] = ofClient;
        labels[`server_${labelOf(key)}`] = ofServer;
      } else labels[labelOf(key)] = ofServer || ofClient;
    }
    const weight = Math.max(client?.weight ?? 0, server?.weight ?? 0);
    const seconds = (half: Half | undefined) => Math.max(0, half?.span.durationMs ?? 0) / 1000;
    const { buckets } = settings;
    if (this.#has("service-graphs-request")) {
      this.#add("traces_service_graph_request_total", labels, weight);
      if (client?.span.status === 2 || server?.span.status === 2) {
        this.#add("traces_service_graph_request_failed_total", labels, weight);
      }
    }
    if (this.#has("service-graphs-connection-info")) {
      this.series.set(seriesKey("traces_service_graph_connection_info", labels), 1);
    }
    if (!this.#has("service-graphs-latency")) return;
    const called = type === "database" ? client : server;
    const prefix = "traces_service_graph_request_";
    this.#observe(`${prefix}client_seconds`, labels, buckets, seconds(client), weight);
    this.#observe(`${prefix}server_seconds`, labels, buckets, seconds(called), weight);
    if (settings.hasMessagingLatency && type === "messaging_system") {
      const endMs = client!.span.startMs + client!.span.durationMs;
      const waited = Math.max(0, server!.span.startMs - endMs) / 1000;
      this.#observe(`${prefix}messaging_system_seconds`, labels, buckets, waited, weight);
    }
  }

  #add(name: string, labels: Labels, amount: number): void {
    const key = seriesKey(name, labels);
    this.series.set(key, (this.series.get(key) ?? 0) + amount);
  }

  #observe(
    name: string,
    labels: Labels,
    bounds: readonly number[],
    value: number,
    weight: number,
  ): void {
    for (const bound of [...bounds, Infinity]) {
      const le = bound === Infinity ? "+Inf" : String(bound);
      this.#add(`${name}_bucket`, { ...labels, le }, value <= bound ? weight : 0);
    }
    this.#add(`${name}_count`, labels, weight);
    this.#add(`${name}_sum`, labels, value * weight);
  }
}

function isClientSide({ kind }: PlainSpan): boolean {
  return kind === 3 || kind === 4;
}

function named(prefix: string, names: readonly string[], number: number): string {
  return number < names.length ? prefix + names[number] : String(number);
}

function textOf(value: PlainValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object") return String(value);
  return "double" in value ? String(value.double) : `[${value.join("")}]`;
}

function lookUp({ attributes, resource }: PlainSpan, key: string): string {
  return textOf(resource[key] ?? attributes[key]) ?? "";
}

function first({ attributes }: PlainSpan, keys: readonly string[]): string {
  return keys.map((key) => textOf(attributes[key]) ?? "").find((text) => text !== "") ?? "";
}

function databaseOf(span: PlainSpan, keys: readonly string[]): string {
  const name = first(span, keys);
  if (name === "") return "";
  const host = first(span, ["peer.service", "server.address"]);
  const address = first(span, ["network.peer.address"]);
  const port = first(span, ["network.peer.port"]);
  return host || (address === "" ? name : port === "" ? address : `${address}:${port}`);
}

const labelOf = (key: string) => key.replaceAll(/\W/g, "_");

function weightOf(
  { attributes, resource, traceState }: PlainSpan,
  { ratioAttribute, fromTraceState }: GeneratorSettings["spanMetrics"]["multiplier"],
): number {
  const value = resource[ratioAttribute] ?? attributes[ratioAttribute];
  const ratio = typeof value === "object" && "double" in value ? value.double : value;
  if (typeof ratio === "number" && ratio > 0) return 1 / ratio;
  const digit = /ot=th:([0-9a-f])/.exec(traceState)?.[1];
  return fromTraceState && digit !== undefined ? 16 / (16 - parseInt(digit, 16)) : 1;
}

function passes(policies: readonly FilterPolicy[], span: PlainSpan): boolean {
  return policies.every(({ include, includeAny, exclude }) =>
    (include?.every((match) => matches(match, span)) ?? true) &&
    (includeAny?.some((match) => matches(match, span)) ?? true) &&
    !(exclude?.every((match) => matches(match, span)) ?? false)
  );
}

function matches({ key, value, isRegex }: AttributeMatch, span: PlainSpan): boolean {
  const own: Record<string, string> = {
    kind: named("SPAN_KIND_", KINDS, span.kind),
    status: named("STATUS_CODE_", STATUSES, span.status),
    name: span.name,
  };
  const attribute = (from: PlainAttributes, scope: string) => textOf(from[key.slice(scope.length)]);
  const text = key.startsWith("span.")
    ? attribute(span.attributes, "span.")
    : key.startsWith("resource.")
    ? attribute(span.resource, "resource.")
    : own[key];
  if (text === undefined) return false;
  return isRegex ? new RegExp(value).test(text) : text === value;
}
