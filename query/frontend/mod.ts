// The query frontend: one question in, one merged answer out.
export type { Answered, Explained, FoundTrace, Frontend, Growing } from "./frontend.ts";
export { createFrontend, type FrontendOptions, type FrontendSources } from "./query_frontend.ts";
