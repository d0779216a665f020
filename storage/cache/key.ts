// Keys in caches that others can reach: `segno1:<role>:<name>`, where the number changes with the
// meaning of values, so that processes of two versions do not read each other's.
// Rule: at most 250 characters, none of them a space or a control (memcached's rule), and different
// names have different keys.
import { createHash } from "node:crypto";
import type { CacheRole } from "./roles.ts";

const PREFIX = "segno1";
const CHARACTERS_MAX = 250;

export function keyOf(role: CacheRole, name: string): string {
  const key = `${PREFIX}:${role}:${encodeURI(name.toWellFormed())}`;
  if (key.length <= CHARACTERS_MAX) return key;
  return `${PREFIX}:${role}:#${createHash("sha256").update(name).digest("hex")}`;
}
