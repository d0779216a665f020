// JSON that fits: of the named lists so many items as there is room for, and how many were left out.

export function capped(
  answer: Readonly<Record<string, unknown>>,
  lists: readonly string[],
  charsMax: number,
): string {
  const result: Record<string, unknown> = { ...answer };
  for (const list of lists) result[list] = [];
  let left = charsMax - JSON.stringify(result).length;
  const omitted: Record<string, number> = {};
  for (const list of lists) {
    const items = answer[list] as readonly unknown[] | undefined ?? [];
    const kept: unknown[] = [];
    for (const item of items) {
      left -= JSON.stringify(item).length + 1;
      if (left < 0) break;
      kept.push(item);
    }
    result[list] = kept;
    if (kept.length < items.length) omitted[list] = items.length - kept.length;
  }
  return JSON.stringify(Object.keys(omitted).length === 0 ? result : { ...result, omitted });
}
