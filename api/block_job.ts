// Jobs on blocks, as the peer's frontends ask them of queriers: below `/querier`, which row groups of which
// block. What the parameters say of the block besides (its size, version, columns) its meta.json says too.
import { InputError } from "../lib/errors.ts";
import { ALL_ROW_GROUPS, type BlockJob } from "../query/engine/mod.ts";
import { parseUint } from "./go_text.ts";
import { named } from "./time_range.ts";

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Nothing where the whole question is asked. */
export function blockJobOf(request: Request): { readonly blockJob?: BlockJob } {
  const { pathname, searchParams: query } = new URL(request.url);
  const blockId = query.get("blockID") ?? "";
  if (!pathname.startsWith("/querier/") || blockId === "") return {};
  if (!ID.test(blockId)) throw new InputError("invalid_argument", "invalid blockID");
  const count = (name: string) => {
    const text = query.get(name) ?? "";
    return text === "" ? 0 : named(name, () => Number(parseUint(text, 32)));
  };
  const fromRowGroup = count("startPage");
  const pages = count("pagesToSearch");
  const toRowGroup = pages === 0 ? ALL_ROW_GROUPS : fromRowGroup + pages;
  return { blockJob: { blockId: blockId.toLowerCase(), fromRowGroup, toRowGroup } };
}
