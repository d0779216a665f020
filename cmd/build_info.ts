// What this build says of itself.

/** The version of the peer's API that is spoken: Grafana turns features on by it. */
export const API_VERSION = "3.0.2";
export const SEGNO_VERSION = "0.1.0";

export const buildInfo = {
  version: API_VERSION,
  revision: `segno-${SEGNO_VERSION}`,
  branch: "main",
  buildDate: "",
  buildUser: "",
  goVersion: `deno ${Deno.version.deno}`,
};
