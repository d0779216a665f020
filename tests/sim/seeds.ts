// Seeds that failed once, from seeds.txt: `world seed steps  what it found`.
export function failedOnce(world: "process" | "cluster"): [seed: number, steps: number][] {
  return Deno.readTextFileSync(new URL("./seeds.txt", import.meta.url)).split("\n")
    .map((line) => line.split(/\s+/))
    .filter(([name]) => name === world)
    .map(([, seed, steps]) => [Number(seed), Number(steps)]);
}
