// The whole default configuration with its comments, as text that loads.
// docs/config.md holds it, and a test keeps the two the same.
import { stringify } from "yaml";

import { type Key, keyTree } from "./tree.ts";

export function configReference(): string {
  return sectionLines(keyTree, "").join("\n") + "\n";
}

function sectionLines(section: Key, indent: string): string[] {
  return Object.entries(section.properties ?? {}).flatMap(([name, key]) => {
    const comment = (key.description ?? "").split("\n").filter((line) => line !== "")
      .map((line) => `${indent}# ${line}`);
    if (key.properties === undefined) return [...comment, ...valueLines(name, key, indent)];
    if (key.default === undefined) {
      return [...comment, `${indent}# ${name}: switched on by naming it`];
    }
    const below = sectionLines(key, indent + "  ");
    const isEmpty = below.every((line) => line.trim().startsWith("#"));
    return [...comment, `${indent}${name}:${isEmpty ? " {}" : ""}`, ...below];
  });
}

function valueLines(name: string, key: Key, indent: string): string[] {
  if (key.default === undefined) return [`${indent}# ${name}: not set`];
  return stringify({ [name]: key.default }, { lineWidth: 0, defaultStringType: "PLAIN" })
    .trimEnd().split("\n").map((line) => indent + line);
}
