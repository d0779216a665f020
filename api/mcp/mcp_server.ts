// The Model Context Protocol at /api/mcp: tools and pages for language models, by the official SDK.
// Each request is a whole conversation of its own: nothing is kept between them. The home of
// @modelcontextprotocol/sdk.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  type CallToolRequest,
  CallToolRequestSchema,
  ErrorCode,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  type ReadResourceRequest,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { InputError } from "../../lib/errors.ts";
import type { ApiContext } from "../options.ts";
import { docPages, type DocTopic, TOPICS } from "./mcp_docs.ts";
import { type ToolArgs, TOOLS } from "./tool_table.ts";
import { McpTools } from "./mcp_tools.ts";

/** As the peer calls itself; the version is of these tools. */
const SELF = { name: "tempo", version: "0.1.0" };

export async function answerMcp(
  context: ApiContext,
  tenant: string,
  request: Request,
): Promise<Response> {
  const server = mcpServer(context, new McpTools(context, tenant, request.signal));
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(request);
  } finally {
    await server.close();
  }
}

function mcpServer({ runtime }: ApiContext, tools: McpTools): Server {
  const server = new Server(SELF, { capabilities: { tools: {}, resources: {} } });
  const calls = runtime.metrics.counter(
    "tempo_query_frontend_mcp_calls_total",
    "Calls of tools by language models.",
    ["tool"],
  );

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: TOOLS.map(({ name, description, args }) => ({
      name,
      description,
      inputSchema: {
        type: "object" as const,
        properties: Object.fromEntries(
          Object.entries(args).map((
            [arg, { what }],
          ) => [arg, { type: "string", description: what }]),
        ),
        required: Object.entries(args).filter(([, arg]) => arg.isRequired).map(([arg]) => arg),
      },
    })),
  }));

  server.setRequestHandler(CallToolRequestSchema, async ({ params }: CallToolRequest) => {
    const tool = TOOLS.find(({ name }) => name === params.name);
    if (tool === undefined) {
      throw new McpError(ErrorCode.InvalidParams, `unknown tool ${params.name}`);
    }
    calls.labels(tool.name).inc();
    try {
      const args = checkedArgs(tool.args, params.arguments ?? {});
      return { content: [{ type: "text" as const, text: await tool.answer(tools, args) }] };
    } catch (error) {
      // The model reads what was wrong and tries again.
      if (!(error instanceof InputError)) {
        runtime.log.error("tool failed", { tool: tool.name, error });
      }
      const text = error instanceof Error ? error.message : String(error);
      return { content: [{ type: "text" as const, text }], isError: true };
    }
  });

  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: TOPICS.flatMap((topic) =>
      docPages(topic).map(({ name, what }) => ({
        uri: `docs://${topic}/${name}`,
        name: `${topic}-${name}`,
        description: what,
        mimeType: "text/markdown",
      }))
    ),
  }));

  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }: ReadResourceRequest) => {
    const { uri } = params;
    const [, topic, name] = /^docs:\/\/(traceql|config)\/([a-z]+)$/.exec(uri) ?? [];
    const isKnown = topic !== undefined &&
      docPages(topic as DocTopic).some((page) => page.name === name);
    if (!isKnown) throw new McpError(ErrorCode.InvalidParams, `unknown page ${uri}`);
    const text = await tools.docs(topic as DocTopic, name!);
    return { contents: [{ uri, mimeType: "text/markdown", text }] };
  });
  return server;
}

function checkedArgs(
  known: (typeof TOOLS)[number]["args"],
  given: Readonly<Record<string, unknown>>,
): ToolArgs {
  const args: Record<string, string> = {};
  for (const [name, { isRequired }] of Object.entries(known)) {
    const value = given[name];
    if (typeof value === "string") args[name] = value;
    else if (value !== undefined && value !== null) {
      throw new InputError("invalid_argument", `${name} must be a text`);
    } else if (isRequired) throw new InputError("invalid_argument", `${name} is missing`);
  }
  return args;
}
