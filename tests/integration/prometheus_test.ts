// What is deployed for Prometheus, judged by Prometheus' own promtool: its configuration, the rules, and what the rules
// say of fleets that are ill.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { unpackedDebianProgram } from "../support/bucket_servers.ts";
import { readText } from "../support/deploy_files.ts";
import { skipped } from "../support/skipped.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const promtool = await unpackedDebianProgram("prometheus", "usr/bin/promtool")
  .catch(skipped("rules for Prometheus"));

if (promtool !== undefined) {
  Deno.test("promtool takes the rules and the configuration", async () => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-promtool-" });
    try {
      const text = readText("deploy/compose/prometheus.yaml");
      const inContainer = "/etc/prometheus/rules.yaml";
      assert.ok(text.includes(inContainer));
      const here = text.replace(inContainer, `${ROOT}deploy/prometheus/rules.yaml`);
      Deno.writeTextFileSync(`${dir}/prometheus.yaml`, here);
      assert.match(
        await told(promtool, "check", "config", `${dir}/prometheus.yaml`),
        /SUCCESS: \d\d rules found/,
      );
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });

  Deno.test("alerts fire for fleets that are ill, and are silent of one that is well", async () => {
    const text = await told(promtool, "test", "rules", `${ROOT}deploy/prometheus/rules_test.yaml`);
    assert.match(text, /SUCCESS/);
  });
}

async function told(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  return text;
}
