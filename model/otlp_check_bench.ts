import { realisticTraces } from "../tests/support/realistic.ts";
import { checkOtlp } from "./otlp_check.ts";

const messages = realisticTraces(10_000);

Deno.bench("check 10,000 spans", () => {
  for (const message of messages) checkOtlp(message);
});
