// The tools that language models are told of; all their arguments are texts.
import { DIFF_FORMATS, parseDiffFormat } from "../trace_diff_params.ts";
import { docPages, type DocTopic } from "./mcp_docs.ts";
import type { McpTools } from "./mcp_tools.ts";

export type ToolArgs = Readonly<Record<string, string>>;

interface Arg {
  readonly what: string;
  readonly isRequired: boolean;
}

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly args: Readonly<Record<string, Arg>>;
  answer(tools: McpTools, args: ToolArgs): Promise<string>;
}

const required = (what: string): Arg => ({ what, isRequired: true });
const optional = (what: string): Arg => ({ what, isRequired: false });

const query = required("TraceQL");
const start = optional("RFC 3339; an hour before the end if not given");
const end = optional("RFC 3339; now if not given");
const time = { start, end };

export const TOOLS: readonly Tool[] = [
  {
    name: "traceql-search",
    description: "Search traces by TraceQL. Read docs-traceql first if unsure of the language.",
    args: { query, ...time },
    answer: (tools, args) => tools.search(args.query!, args),
  },
  {
    name: "traceql-metrics-instant",
    description: "One number a series, for the whole time, by a TraceQL metrics query.",
    args: { query, ...time },
    answer: (tools, args) => tools.metrics(args.query!, args, true),
  },
  {
    name: "traceql-metrics-range",
    description: "Points over time for each series, by a TraceQL metrics query.",
    args: { query, ...time },
    answer: (tools, args) => tools.metrics(args.query!, args, false),
  },
  {
    name: "get-trace",
    description: "A trace by its id: its spans below each other, with attributes.",
    args: { trace_id: required("hexadecimal") },
    answer: (tools, { trace_id }) => tools.trace(trace_id!),
  },
  {
    name: "trace-diff",
    description:
      "How two traces differ: spans that are new, gone, slower, failing or otherwise changed.",
    args: {
      base_trace_id: required("hexadecimal"),
      compare_trace_id: required("hexadecimal"),
      base_start: start,
      base_end: end,
      compare_start: start,
      compare_end: end,
      format: optional(DIFF_FORMATS.join(", ")),
    },
    answer: (tools, { base_trace_id, compare_trace_id, format }) =>
      tools.diff(base_trace_id!, compare_trace_id!, parseDiffFormat(format)),
  },
  {
    name: "get-attribute-names",
    description: "The names of attributes that TraceQL can ask for, by scope.",
    args: { scope: optional("resource, span, event, link, instrumentation or intrinsic") },
    answer: (tools, { scope = "" }) => tools.attributeNames(scope),
  },
  {
    name: "get-attribute-values",
    description: "The values of one attribute, such as resource.service.name.",
    args: { "name": required("with its scope"), "filter-query": optional("TraceQL: one filter") },
    answer: (tools, args) => tools.attributeValues(args.name!, args["filter-query"] ?? ""),
  },
  docsTool("traceql"),
  docsTool("config"),
];

function docsTool(topic: DocTopic): Tool {
  const pages = docPages(topic).map(({ name, what }) => `${name} (${what})`).join(", ");
  return {
    name: `docs-${topic}`,
    description: `Documentation: ${pages}.`,
    args: { name: required("of the page") },
    answer: (tools, { name }) => tools.docs(topic, name!),
  };
}
