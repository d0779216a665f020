// Writes docs/config.md: the default configuration with its comments.
//   deno run --allow-read --allow-write --allow-env tools/write_config_reference.ts
import { configReference } from "../cmd/config/mod.ts";

const page = `# Configuration

One YAML file, named by \`-config.file\`; without one the defaults below hold. The order is defaults,
then the file, then flags. A key that is not listed here stops the start with its path, line and
column. The keys are those of Tempo 3, so that a file written for it loads; \`segno\` holds our own.
A key whose feature is not in this version yields a warning at the start.

* Durations are written \`5s\`, \`1h30m\`, \`250ms\`, \`2d\`, \`1w\`; sizes are bytes.
* With \`-config.expand-env\`, \`\${NAME}\`, \`$NAME\` and \`\${NAME:-default}\` are replaced by environment
  variables before the file is read, and \`$$\` is a dollar.
* \`-config.verify\` reads the file, prints warnings and ends: with 0 if there are none, else with 1.
* Every key that holds a single value has a flag: \`live_store.max_trace_idle\` is
  \`-live-store.max-trace-idle=5s\`. \`-log.level\`, \`-log.format\` and \`-multitenancy.enabled\` are short
  names. \`-version\`, and \`-health [-health.url=http://localhost:3200/ready]\`, print and end.

This page is written by \`tools/write_config_reference.ts\`.

\`\`\`yaml
${configReference()}\`\`\`
`;
Deno.writeTextFileSync(new URL("../docs/config.md", import.meta.url), page);
