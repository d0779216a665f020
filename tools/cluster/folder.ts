// Where a cluster keeps everything.
// Rule: a folder that was given is kept and gone on with, if the topic in it has as many partitions; any other is
// removed at the end.

const PARTITIONS_FILE = "partitions";

/** The folder's whole path. What removes it, if that is to be, is left to the stack. */
export function clusterFolder(
  dir: string | undefined,
  partitions: number,
  stack: AsyncDisposableStack,
): string {
  if (dir === undefined) {
    const own = Deno.makeTempDirSync({ prefix: "segno-cluster-" });
    stack.defer(() => Deno.removeSync(own, { recursive: true }));
    return own;
  }
  Deno.mkdirSync(dir, { recursive: true });
  const path = Deno.realPathSync(dir);
  const former = formerPartitions(path);
  // A topic keeps its partitions, and each needs its live-store.
  if (former !== undefined && former !== partitions) {
    throw new Error(`the topic in ${path} has ${former} partitions: --partitions ${former}`);
  }
  Deno.writeTextFileSync(`${path}/${PARTITIONS_FILE}`, `${partitions}\n`);
  return path;
}

function formerPartitions(dir: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`${dir}/${PARTITIONS_FILE}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
