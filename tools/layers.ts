// Which folder may import which. A folder may always import itself; the longest matching prefix wins,
// so that `query/traceql` can be purer than `query`.

export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "lib": [],
  "model": ["lib"],
  "ring": ["lib", "model"],
  "wal": ["lib", "model"],
  "storage": ["lib", "model"],
  "query/traceql": ["lib", "model"],
  "query/engine": ["lib", "model", "query/traceql"],
  "query/querier": ["lib", "model", "ring", "storage", "query/traceql", "query/engine"],
  "query/frontend": [
    "lib",
    "model",
    "ring",
    "storage",
    "query/traceql",
    "query/engine",
    "query/querier",
  ],
  "query/remote": ["lib", "model", "query/engine", "query/querier"],
  "distributor": ["lib", "model", "wal", "ring"],
  "generator": ["lib", "model", "wal"],
  "actors": ["lib", "model", "wal", "ring", "storage", "query/traceql", "query/engine"],
  "api": [
    "lib",
    "model",
    "ring",
    "wal",
    "storage",
    "distributor",
    "actors",
    "query/traceql",
    "query/engine",
    "query/querier",
    "query/frontend",
    "query/remote",
  ],
};

/** Folders without a door: small leaf files, each imported by its own name. */
export const OPEN: readonly string[] = ["lib", "model"];

/** These may import anything; nothing may import them. */
export const ROOTS: readonly string[] = ["cmd", "tests", "bench", "tools"];
