// What becomes of a suite whose server cannot be had: one test in its place that says why. In CI that
// test fails, for there nothing may be skipped.
import { NoServerError } from "./bucket_servers.ts";

/** For `await start().catch(skipped("name of the suite"))`. */
export function skipped(suite: string): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof NoServerError)) throw error;
    Deno.test({
      name: `${suite} (skipped: ${error.message})`,
      ignore: Deno.env.get("CI") !== "true",
      fn: () => {
        throw error;
      },
    });
    return undefined;
  };
}
