// The schema as a tree of keys that can be walked: for flags, the reference and telling values again.
import { z } from "zod";

import { ConfigSchema } from "./schema.ts";

/** What JSON Schema says of a key, as far as it is used here. */
export interface Key {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Key>>;
  readonly additionalProperties?: unknown;
  readonly items?: Key;
}

export const keyTree = z.toJSONSchema(ConfigSchema, {
  io: "input",
  unrepresentable: "any",
  reused: "inline",
}) as Key;

export function keyAt(path: readonly string[]): Key | undefined {
  return path.reduce<Key | undefined>((key, name) => key?.properties?.[name], keyTree);
}
