// The table of commands, in the order of the help.

import { analyseBlockCommand, analyseBlocksCommand } from "./analyse_blocks.ts";
import type { Command } from "./command.ts";
import { convert4to5 } from "./convert_4to5.ts";
import { dropTraces } from "./drop_traces.ts";
import { listBlocksCommand } from "./list_blocks.ts";
import { listCacheSummary } from "./list_cache_summary.ts";
import { listCompactionSummary } from "./list_compaction_summary.ts";
import { querySearch } from "./query_search.ts";
import { queryTraceId, queryTraceSummary } from "./query_trace.ts";
import { verifyBlockCommand, verifyBlocksCommand } from "./verify_block.ts";
import { viewBlock } from "./view_block.ts";
import { viewColumn } from "./view_column.ts";
import { viewSchema } from "./view_schema.ts";

export const COMMANDS: readonly Command[] = [
  listBlocksCommand,
  listCompactionSummary,
  listCacheSummary,
  viewBlock,
  viewSchema,
  viewColumn,
  verifyBlockCommand,
  verifyBlocksCommand,
  analyseBlockCommand,
  analyseBlocksCommand,
  queryTraceId,
  queryTraceSummary,
  querySearch,
  dropTraces,
  convert4to5,
];
