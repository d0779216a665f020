// Entries for the unit tests, in `.unit/`: each imports the tests of one folder, a dozen at most, so that they
// share a worker and what it has loaded and compiled. A worker for each of three hundred files spent a third of
// all the time on loading the same modules again.
//   deno run -A tools/group_tests.ts && deno test -A --no-check --parallel .unit
// Rule: every `*_test.ts` outside of `tests/` is in exactly one entry; each still runs by itself.
import { dirname } from "node:path/posix";
import { sourceFiles } from "./source_files.ts";

const PER_ENTRY_MAX = 12;

export interface TestGroup {
  /** Of a file; it begins with the folder's. */
  readonly name: string;
  readonly files: readonly string[];
}

/** Groups of about the same size for each folder, in the order of their names. */
export function groupsOf(files: readonly string[]): TestGroup[] {
  const byFolder = Map.groupBy(files.toSorted(), dirname);
  return [...byFolder].flatMap(([folder, tests]) => {
    const count = Math.ceil(tests.length / PER_ENTRY_MAX);
    const size = Math.ceil(tests.length / count);
    return Array.from({ length: count }, (_, i) => ({
      name: `${folder.replaceAll("/", "-")}${count === 1 ? "" : `-${i + 1}`}_test.ts`,
      files: tests.slice(i * size, (i + 1) * size),
    }));
  });
}

/** Without those that have a task of their own. */
export function testFiles(root: string): string[] {
  return [...sourceFiles(root)]
    .filter((path) => path.endsWith("_test.ts") && !path.startsWith("tests/"));
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url).pathname;
  const target = `${root}.unit/`;
  Deno.mkdirSync(target, { recursive: true });
  for (const { name } of Deno.readDirSync(target)) Deno.removeSync(target + name);
  for (const { name, files } of groupsOf(testFiles(root))) {
    const imports = files.map((file) => `import "../${file}";\n`).join("");
    Deno.writeTextFileSync(target + name, imports);
  }
}
