// Where log records go: lines on standard error, logfmt or JSON. Set up once per thread.
import { configure, type LogRecord } from "@logtape/logtape";

export interface LogSinkOptions {
  /** debug, info, warn or error. */
  readonly level: string;
  /** logfmt or json. */
  readonly format: string;
}

const LEVELS: Readonly<Record<string, "debug" | "info" | "warning" | "error">> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
};

export async function configureLogSinks({ level, format }: LogSinkOptions): Promise<void> {
  const toLine = format === "json" ? toJsonLine : toLogfmtLine;
  const encoder = new TextEncoder();
  const write = (record: LogRecord) => {
    Deno.stderr.writeSync(encoder.encode(toLine(record)));
  };
  await configure({
    reset: true,
    sinks: { stderr: write },
    loggers: [
      { category: "segno", lowestLevel: LEVELS[level] ?? "info", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}

/** `ts=… level=info caller=wal msg="segment opened" segment=7` and a line feed. */
export function toLogfmtLine(record: LogRecord): string {
  return fields(record).map(([key, value]) => `${key}=${quoted(asText(value))}`).join(" ") + "\n";
}

export function toJsonLine(record: LogRecord): string {
  return JSON.stringify(Object.fromEntries(fields(record)), (_, value) => jsonValue(value)) + "\n";
}

function fields(record: LogRecord): [string, unknown][] {
  const caller = record.category.slice(1).join(".");
  return [
    ["ts", new Date(record.timestamp).toISOString()],
    ["level", record.level === "warning" ? "warn" : record.level],
    ...(caller === "" ? [] : [["caller", caller] as [string, unknown]]),
    ["msg", record.message.map(String).join("")],
    ...Object.entries(record.properties),
  ];
}

function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return value.stack ?? value.message;
  return value;
}

function asText(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value === "object" && value !== null) {
    return JSON.stringify(value, (_, inner) => jsonValue(inner));
  }
  return String(value);
}

function quoted(text: string): string {
  return /^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text);
}
