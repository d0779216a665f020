// Aligned tables and figures for people.

export interface TableColumn {
  readonly head: string;
  /** Figures stand on the right. */
  readonly isFigure?: boolean;
}

export function table(
  columns: readonly (string | TableColumn)[],
  rows: readonly (readonly string[])[],
): string {
  const specs = columns.map((column) => typeof column === "string" ? { head: column } : column);
  const widths = specs.map(({ head }, i) =>
    Math.max(widthOf(head), ...rows.map((row) => widthOf(row[i] ?? "")))
  );
  const line = (cells: readonly string[]) =>
    specs.map(({ isFigure = false }: TableColumn, i) => {
      const cell = cells[i] ?? "";
      const padding = " ".repeat(widths[i]! - widthOf(cell));
      return isFigure ? padding + cell : cell + padding;
    }).join("  ").trimEnd();
  return [line(specs.map(({ head }) => head)), ...rows.map(line)].join("\n") + "\n";
}

export const figure = (head: string): TableColumn => ({ head, isFigure: true });

/** Characters, not UTF-16 units; wide ones are rare in names of columns. */
function widthOf(text: string): number {
  return [...text].length;
}

/** On one line, without characters that would move the cursor of a terminal. */
export function oneLine(text: string, lengthMax: number): string {
  // deno-lint-ignore no-control-regex -- these are what it is about
  const safe = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const known = { "\n": "\\n", "\t": "\\t", "\r": "\\r" }[character];
    return known ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  const characters = [...safe];
  return characters.length <= lengthMax ? safe : characters.slice(0, lengthMax - 1).join("") + "…";
}

export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Three digits, in units of 1024. */
export function bytes(value: number): string {
  if (value < 1024) return `${Math.round(value)} B`;
  let amount = value;
  let unit = "";
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (amount < 1000 && unit !== "") break;
    amount /= 1024;
    unit = next;
  }
  return `${amount.toPrecision(amount < 1000 ? 3 : 4).replace(/e.*/, "")} ${unit}`;
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(part / whole * 100).toFixed(1)}%`;
}

/** `2026-01-31 12:00:00`, UTC. */
export function time(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 19).replace("T", " ") : "-";
}

/** The two largest units: `3d4h`, `5m0s`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]] as const;
  const at = Math.max(0, units.findIndex(([size]) => seconds >= size));
  if (seconds === 0) return "0s";
  const [[size, name], next] = [units[at]!, units[at + 1]];
  const rest = seconds % size;
  return `${Math.floor(seconds / size)}${name}` +
    (next === undefined ? "" : `${Math.floor(rest / next[0])}${next[1]}`);
}

/** Of a span or trace. */
export function duration(nano: bigint | number): string {
  const value = Number(nano);
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]] as const;
  for (const [size, name] of units) {
    if (value >= size) return `${Number((value / size).toPrecision(4))}${name}`;
  }
  return `${value}ns`;
}
