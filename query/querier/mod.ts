// The querier: runs questions on blocks and on live data.
export type { BlockQueryStats, BlockSource, LiveSource } from "./sources.ts";
