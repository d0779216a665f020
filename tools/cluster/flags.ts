// What `deno task cluster` can be told.
// Rule: what is not understood is refused, with what would be.
import { InputError } from "../../lib/errors.ts";

export interface ClusterFlags {
  readonly partitions: number;
  readonly zones: number;
  /** Kept at the end, and gone on with; undefined: a folder of its own that is removed. */
  readonly dir: string | undefined;
  /** Spans a second that are sent to it; 0: none. */
  readonly load: number;
  /** The first port; 0: whichever are free. */
  readonly ports: number;
  /** Where metrics of traces go, to Prometheus say; undefined: nowhere. */
  readonly remoteWrite: string | undefined;
  readonly isHelpWanted: boolean;
}

export const USAGE = `deno task cluster [options]

Starts Kafka, an S3 server and every target of Segno as a process of its own, on loopback, until Ctrl-C.

  --partitions N   of the topic, each with a live-store in every zone (1 to 16; default 2)
  --zones 1|2      default 2
  --load N         sends N spans a second of made-up traces (default 0)
  --dir PATH       keeps everything there, and goes on with it the next time
  --ports BASE     the first port; 0 takes free ones (default 20200)
  --remote-write URL   metrics of the traces go there, as to a Prometheus with its receiver on
  --help
`;

const MAX = { partitions: 16, zones: 2, load: 1_000_000, ports: 60_000 } as const;
const DEFAULTS = { partitions: 2, zones: 2, load: 0, ports: 20_200 } as const;
const MIN = { partitions: 1, zones: 1, load: 0, ports: 0 } as const;

export function parseClusterFlags(args: readonly string[]): ClusterFlags {
  const numbers: Record<string, number> = { ...DEFAULTS };
  const texts: { dir?: string; "remote-write"?: string } = {};
  let isHelpWanted = false;
  for (let i = 0; i < args.length; i++) {
    const [, name, joined] = /^--([a-z-]+)(?:=(.*))?$/s.exec(args[i]!) ?? [];
    if (name === "help") {
      isHelpWanted = true;
      continue;
    }
    const isText = name === "dir" || name === "remote-write";
    if (name === undefined || !isText && !Object.hasOwn(DEFAULTS, name)) {
      throw refused(`unknown option ${args[i]}`);
    }
    const value = joined ?? args[++i];
    if (value === undefined || value === "") throw refused(`--${name} needs a value`);
    if (isText) texts[name] = name === "dir" ? value : checkedUrl(value);
    else numbers[name] = numberOf(name as keyof typeof DEFAULTS, value);
  }
  const { partitions, zones, load, ports } = numbers as Record<keyof typeof DEFAULTS, number>;
  const { dir, "remote-write": remoteWrite } = texts;
  return { partitions, zones, load, ports, dir, remoteWrite, isHelpWanted };
}

function numberOf(name: keyof typeof DEFAULTS, value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (number >= MIN[name] && number <= MAX[name]) return number;
  throw refused(`--${name}: expected a number from ${MIN[name]} to ${MAX[name]}, not ${value}`);
}

function checkedUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw refused(`--remote-write: expected a URL of http or https, not ${text}`);
}

const refused = (message: string) => new InputError("invalid_argument", message);
