// The TypeScript of this project: paths below its root, without packages and what tools have made.
const NOT_OURS = ["node_modules", "cov", "data"];

/** `root` ends with a slash. */
export function* sourceFiles(root: string, folder = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(root + folder)) {
    const path = folder + name;
    if (name.startsWith(".") || NOT_OURS.includes(path)) continue;
    if (isDirectory) yield* sourceFiles(root, `${path}/`);
    else if (name.endsWith(".ts")) yield path;
  }
}
