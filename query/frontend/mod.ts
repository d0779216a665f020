// The query frontend: one question in, one merged answer out.
export type { Answered, FoundTrace, Frontend } from "./frontend.ts";
export { createFrontend, type FrontendOptions, type FrontendSources } from "./query_frontend.ts";
