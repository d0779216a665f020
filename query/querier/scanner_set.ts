// The scanners there are, and with which of them each block lives.
// Rule: a block stays with its scanner for as long as that is there, for its cache knows the block.
import type { BlockMeta } from "../../model/block_meta.ts";
import { Homes } from "./homes.ts";
import type { Scanner } from "./scan_pool.ts";

export interface ScannerSet {
  readonly all: readonly Scanner[];
  /** One of them; undefined while there is none. */
  homeOf(block: BlockMeta): Scanner | undefined;
  /** Hears that some came or went. */
  onChange(changed: () => void): void;
}

/** Those of a process: they neither come nor go. */
export function fixedScanners(all: readonly Scanner[]): ScannerSet {
  const homes = new Homes(all.length);
  return { all, homeOf: (block) => all[homes.of(block)], onChange: () => {} };
}
