// deno-lint-ignore-file no-console
// How fast the load itself can be made, and what a span weighs: deno run -A bench/load/patch_speed.ts
import { systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { createWaves, RequestSource } from "./request_source.ts";

for (const spansPerRequest of [300, 30]) {
  const random = seededRandom(1);
  const options = {
    spansPerRequest,
    requestsPerWave: 3,
    waves: 9_000 / spansPerRequest,
    roomBytes: 0,
  };
  const source = new RequestSource(systemClock, random, createWaves(random, options));
  let spans = 0, bytes = 0;
  const startMs = systemClock.monotonic();
  while (systemClock.monotonic() < startMs + 1_000) {
    const { template } = source.next();
    spans += template.spanCount;
    bytes += template.bytes.length;
  }
  console.log(
    `${spansPerRequest} spans a request: ${Math.round(spans / 1_000)}k spans/s,`,
    `${Math.round(bytes / spans)} bytes a span`,
  );
}
