import assert from "node:assert/strict";
import { parse } from "yaml";

import { configReference } from "./reference.ts";
import { ConfigSchema, defaultConfig } from "./schema.ts";

Deno.test("the reference is the default configuration", () => {
  assert.deepEqual(ConfigSchema.parse(parse(configReference())), defaultConfig());
});

Deno.test("docs/config.md holds the reference (tools/write_config_reference.ts writes it)", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/config.md", import.meta.url));
  assert.ok(page.includes(configReference()), "run tools/write_config_reference.ts");
});
