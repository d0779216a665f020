// The files that fleets are deployed with, as what they hold.
// Rule: YAML with an error, or a key twice, is refused.
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// deno-lint-ignore no-explicit-any
export type Plain = any;

/** A path below the root of the tree. */
export function readText(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

const read = new Map<string, Plain[]>();

/** Every document of a file, read once; `<<` merges. Whoever changes it copies it first. */
export function readYaml(path: string): Plain[] {
  const known = read.get(path) ?? parseYaml(path);
  read.set(path, known);
  return known;
}

function parseYaml(path: string): Plain[] {
  const documents = parseAllDocuments(readText(path), { merge: true, uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors[0]!.message}`);
    return document.toJS();
  });
}

/** Paths of the files below a folder, in order. */
export function filesBelow(folder: string, ending: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...filesBelow(path, ending));
    else if (name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

/** `NAME=value` lines. */
export function readEnvironment(path: string): Record<string, string> {
  const lines = readText(path).split("\n").filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0]!, line.replace(/^\w+=/, "")]),
  );
}

/** Every document of a text of YAML. */
export function documentsOf(text: string): Plain[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}

/** The names in ${…} of a configuration file. */
export function variablesIn(text: string): Set<string> {
  const withoutComments = text.split("\n").map((line) => line.replace(/(^|\s)#.*$/, "")).join("\n");
  return new Set(Array.from(withoutComments.matchAll(/\$\{(\w+)/g), ([, name]) => name!));
}

/** Where the base is. */
export const KUBERNETES = "deploy/kubernetes";
export const SEGNO_YAML = "deploy/kubernetes/segno.yaml";
export const KUSTOMIZATION = "deploy/kubernetes/kustomization.yaml";

/** All objects that `kubectl apply -k deploy/keda` makes, but for what kustomize generates. */
export function kubernetesObjects(): { path: string; object: Plain }[] {
  const base = readYaml(KUSTOMIZATION)[0].resources.map((path: string) => `${KUBERNETES}/${path}`);
  return [...base, "deploy/keda/live-store.yaml"]
    .flatMap((path: string) => readYaml(path).map((object) => ({ path, object })));
}

/** Those of them that run containers. */
export function workloads(): Plain[] {
  return kubernetesObjects().map(({ object }) => object)
    .filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet");
}

export function processes(): Plain[] {
  return workloads().filter(({ spec }) => spec.template.spec.containers[0].image === "segno");
}
