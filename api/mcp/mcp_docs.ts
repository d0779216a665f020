// The pages that language models may read: our own documentation, as files.
import { InputError } from "../../lib/errors.ts";

export const TOPICS = ["traceql", "config"] as const;
export type DocTopic = typeof TOPICS[number];

interface Page {
  readonly topic: DocTopic;
  readonly name: string;
  readonly what: string;
  readonly file: string;
  /** Of a file that holds more. */
  readonly part?: (text: string) => string;
}

const PAGES: readonly Page[] = [
  {
    topic: "traceql",
    name: "basic",
    what: "filters, attributes, intrinsics",
    file: "guides/traceql-basic.md",
  },
  {
    topic: "traceql",
    name: "aggregates",
    what: "numbers of one trace",
    file: "guides/traceql-aggregates.md",
  },
  {
    topic: "traceql",
    name: "structural",
    what: "parents, children, siblings",
    file: "guides/traceql-structural.md",
  },
  {
    topic: "traceql",
    name: "metrics",
    what: "numbers over time",
    file: "guides/traceql-metrics.md",
  },
  { topic: "traceql", name: "query", what: "the whole language", file: "traceql.md" },
  {
    topic: "config",
    name: "overview",
    what: "how configuration is read",
    file: "config.md",
    part: (text) => text.slice(0, text.indexOf("```yaml")),
  },
  {
    topic: "config",
    name: "reference",
    what: "every key with its default",
    file: "config.md",
    part: (text) => text.slice(text.indexOf("```yaml")),
  },
];

export function docPages(topic: DocTopic): readonly Pick<Page, "name" | "what">[] {
  return PAGES.filter((page) => page.topic === topic);
}

export async function readDoc(topic: DocTopic, name: string): Promise<string> {
  const page = PAGES.find((one) => one.topic === topic && one.name === name);
  if (page === undefined) {
    const names = docPages(topic).map((one) => one.name).join(", ");
    throw new InputError("invalid_argument", `no such page; there are ${names}`);
  }
  const text = await Deno.readTextFile(new URL(`../../docs/${page.file}`, import.meta.url));
  return (page.part ?? ((whole) => whole))(text);
}
