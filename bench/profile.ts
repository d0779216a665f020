// deno-lint-ignore-file no-console
// In which functions the time of this thread goes: V8's sampling profiler from start to end.
import { Session } from "node:inspector";

/** Returns what ends and prints it. */
export function startProfile(): () => Promise<void> {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: 200 });
  session.post("Profiler.start");
  return async () => {
    const { profile } = await new Promise<{ profile: Profile }>((resolve, reject) =>
      session.post("Profiler.stop", (error, told) => error ? reject(error) : resolve(told as never))
    );
    const ms = new Map<string, number>();
    const byId = new Map(profile.nodes.map((node) => [node.id, node]));
    profile.samples.forEach((id, i) => {
      const { functionName, url, lineNumber } = byId.get(id)!.callFrame;
      const name = `${functionName} ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
      ms.set(name, (ms.get(name) ?? 0) + profile.timeDeltas[i]! / 1_000);
    });
    const most = [...ms].sort(([, a], [, b]) => b - a).slice(0, 25);
    for (const [name, time] of most) console.log(`${time.toFixed(1).padStart(9)} ms ${name}`);
  };
}

interface Profile {
  readonly samples: number[];
  readonly timeDeltas: number[];
  readonly nodes: {
    readonly id: number;
    readonly callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
}
