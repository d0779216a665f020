// What a cache may keep of blocks, by role: each has a budget of its own, so that pages, which are
// many, cannot push out blooms, which every trace by id asks for.
// docs/operations.md says what each costs and how large it should be.

export const CACHE_ROLES = [
  "bloom",
  "trace-id-index",
  "parquet-footer",
  "parquet-column-idx",
  "parquet-offset-idx",
  "parquet-page",
  "frontend-search",
] as const;

export type CacheRole = typeof CACHE_ROLES[number];

export type BytesByRole = Readonly<Record<CacheRole, number>>;
