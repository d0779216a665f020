// deno-lint-ignore-file no-console
// A soak of any length: `deno task soak --minutes 20 [--rate 3000] [--retention 150] [--kills 0]
// [--seed N]`. Prints where it is, then a report in JSON; ends with 1 if anything was wrong.
import { parseArgs } from "node:util";
import { soak } from "./soak.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "20" },
    rate: { type: "string", default: "3000" },
    retention: { type: "string", default: "150" },
    kills: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
  },
});
const dir = Deno.makeTempDirSync({ prefix: "segno-soak-" });
try {
  const report = await soak({
    dir,
    seconds: Number(values.minutes) * 60,
    spansPerSecond: Number(values.rate),
    retentionSeconds: Number(values.retention),
    kills: Number(values.kills),
    seed: Number(values.seed),
    tell: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, null, 2));
  if (report.problems.length > 0 || report.leaked.length > 0) Deno.exitCode = 1;
} finally {
  Deno.removeSync(dir, { recursive: true });
}
