// deno-lint-ignore-file house/no-ambient-world
// Asks a running server as a user would, over HTTP; what is not an answer is an error with its text.
import { decodeOtlp, type Plain } from "./otlp.ts";

export interface FoundSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly kind: number;
  readonly name: string;
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** By whom it is asked, where the server speaks TLS. */
export type Asking = { readonly client?: Deno.HttpClient };

/** The spans of a trace; none if no trace has the id. */
export async function findTrace(
  url: string,
  traceId: string,
  init: Asking = {},
): Promise<FoundSpan[]> {
  const response = await fetch(`${url}/api/traces/${traceId}`, {
    ...init,
    headers: { Accept: "application/protobuf" },
  });
  const bytes = await response.bytes();
  if (response.status === 404) return [];
  if (!response.ok) throw refused(response, bytes);
  return spansOf(decodeOtlp(bytes));
}

export function spansOf(trace: Plain): FoundSpan[] {
  return trace.resourceSpans.flatMap(({ resource, scopeSpans }: Plain) =>
    scopeSpans.flatMap(({ spans }: Plain) =>
      spans.map((span: Plain): FoundSpan => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        kind: span.kind,
        name: span.name,
        service: String(plainAttributes(resource?.attributes ?? [])["service.name"] ?? ""),
        attributes: plainAttributes(span.attributes),
      }))
    )
  );
}

export interface FoundTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Spans that match, before truncation. */
  readonly matched: number;
}

export async function search(
  url: string,
  query: string,
  options: Readonly<Record<string, string | number>> = {},
  init: Asking = {},
): Promise<FoundTrace[]> {
  const parameters = new URLSearchParams({ q: query });
  for (const [name, value] of Object.entries(options)) parameters.set(name, String(value));
  const response = await fetch(`${url}/api/search?${parameters}`, init);
  const bytes = await response.bytes();
  if (!response.ok) throw refused(response, bytes);
  const answer: Plain = JSON.parse(new TextDecoder().decode(bytes));
  return (answer.traces ?? []).map((trace: Plain) => ({
    // Leading zeros may be left out.
    traceId: trace.traceID.padStart(32, "0"),
    matched: (trace.spanSets ?? [trace.spanSet])
      .reduce((sum: number, set: Plain) => sum + (set?.matched ?? 0), 0),
  }));
}

export async function metric(url: string, name: string, init: Asking = {}): Promise<number> {
  const response = await fetch(`${url}/metrics`, init);
  const text = await response.text();
  const lines = text.split("\n").filter((line) =>
    line.startsWith(name + "{") || line.startsWith(name + " ")
  );
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Asks again until the answer is as wanted, and then once more says what it was. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer) || Date.now() > deadlineMs) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function refused(response: Response, body: Uint8Array): Error {
  const path = new URL(response.url).pathname;
  return new Error(`${path}: ${response.status} ${new TextDecoder().decode(body)}`);
}

function plainAttributes(attributes: Plain[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [
    key,
    value?.stringValue ?? value?.intValue ?? value?.doubleValue ?? value?.boolValue,
  ]));
}

const hex = (bytes: Uint8Array) => Uint8Array.from(bytes).toHex();
