// A configuration file as data that still knows where each value stood.
// Rule: an error names the path of the key, its value, and the line and column.
import { type Document, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";

import { InputError } from "../../lib/errors.ts";
import { placeOfLegacyKey } from "./legacy_keys.ts";

export type Path = readonly PropertyKey[];

export class ConfigDocument {
  readonly data: Record<string, unknown>;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(readonly name: string, text: string) {
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: true,
      // "<<" is YAML 1.1, and used to share sections.
      merge: true,
    });
    const [error] = this.#document.errors;
    if (error !== undefined) {
      throw new InputError(
        "invalid_argument",
        `${name}:${this.#position(error.pos[0])}: ${lowerFirst(error.message)}`,
      );
    }
    const data: unknown = this.#document.toJS({ maxAliasCount: 1000 }) ?? {};
    if (typeof data !== "object" || Array.isArray(data)) {
      throw new InputError("invalid_argument", `${name}: expected a mapping of keys to values`);
    }
    this.data = withoutNulls(data as Record<string, unknown>, []);
  }

  /** `file:line:column`, or the file alone where the path is not written in it. */
  place(path: Path): string {
    const node = this.#nodeAt(path);
    return node === undefined ? this.name : `${this.name}:${this.#position(node)}`;
  }

  /** Where the key stands, or its value if it has none of its own. */
  #nodeAt(path: Path): number | undefined {
    const parent = this.#document.getIn(path.slice(0, -1), true) as { items?: unknown[] };
    for (const item of parent?.items ?? []) {
      const key = (item as { key?: unknown }).key;
      if (isScalar(key) && key.value === path.at(-1) && key.range) return key.range[0];
    }
    const node = this.#document.getIn(path, true);
    return isNode(node) && node.range ? node.range[0] : undefined;
  }

  #position(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${line}:${col}`;
  }
}

/** What the schema refused, a line for each key. `placeOf` says where a value came from. */
export function explain(
  error: z.ZodError,
  data: unknown,
  placeOf: (path: Path) => string,
): string {
  const lines = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const path = [...issue.path, key];
        return `${placeOf(path)}: ${tell(path)}: unknown key${hint(path)}`;
      });
    }
    const value = at(data, issue.path);
    const got = value === undefined ? "" : `, not ${JSON.stringify(value)}`;
    return [`${placeOf(issue.path)}: ${tell(issue.path)}: ${reasonOf(issue)}${got}`];
  });
  return lines.join("\n");
}

/** zod's own phrases end in what was received; ours say the value. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flat().map((one) => reasonOf(one));
    return [...new Set(inner)].join(" or ");
  }
  return lowerFirst(issue.message).replace(/^invalid (input|option): /, "")
    .replace(/, received .*$/, "");
}

const REMOVED: Readonly<Record<string, string>> = {
  ingester: "its work is done by live_store and block_builder",
  compactor: "its keys are in backend_worker.compaction and backend_scheduler",
  "metrics_generator.processor.local_blocks": "live_store answers for recent data",
  "metrics_generator.traces_storage": "live_store answers for recent data",
  search_enabled: "search is always on",
  metrics_generator_enabled: "the target decides",
};

function hint(path: Path): string {
  const removed = REMOVED[tell(path)];
  if (removed !== undefined) return ` (${removed})`;
  const place = path[0] === "overrides" ? placeOfLegacyKey(String(path.at(-1))) : undefined;
  return place === undefined ? "" : ` (now ${place}; or set overrides.enable_legacy_overrides)`;
}

/** `distributor.receivers.otlp`, `cache.caches[0].roles` */
export function tell(path: Path): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text + (text && ".") + String(part),
    "",
  );
}

export function at(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
    data,
  );
}

/** `server:` with nothing below means all defaults; a receiver with nothing below is switched on. */
function withoutNulls(data: Record<string, unknown>, path: string[]): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(data)) {
    const below = [...path, key];
    if (value === null) {
      if (tell(below).startsWith("distributor.receivers.")) kept[key] = {};
    } else if (typeof value === "object" && !Array.isArray(value)) {
      kept[key] = withoutNulls(value as Record<string, unknown>, below);
    } else kept[key] = value;
  }
  return kept;
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
