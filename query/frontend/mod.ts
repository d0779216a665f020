// The query frontend: one question in, one merged answer out.
export type { Answered, FoundTrace, Frontend, Growing } from "./frontend.ts";
export { createFrontend, type FrontendSources } from "./query_frontend.ts";
