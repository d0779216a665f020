import assert from "node:assert/strict";

import { loadConfig, type Loaded } from "../../cmd/config/mod.ts";
import { kindOf } from "../../cmd/components.ts";
import { storeConfig } from "../../cmd/store_config.ts";
import {
  type Plain,
  processes,
  readEnvironment,
  readText,
  readYaml,
  SEGNO_YAML,
  variablesIn,
} from "../support/deploy_files.ts";

const SECRETS = { S3_ACCESS_KEY: "a", S3_SECRET_KEY: "b", GOSSIP_SECRET: "c" };

interface Started {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function inCompose(): Started[] {
  const [{ services }] = readYaml("compose.yaml");
  return Object.entries<Plain>(services)
    .filter(([, { image }]) => image.startsWith("segno:"))
    .map(([name, { command, environment }]) => ({ name, args: command, env: environment }));
}

function onKubernetes(): Started[] {
  const shared = readEnvironment("deploy/kubernetes/environment.env");
  return processes().map(({ metadata: { name }, spec }) => {
    const [{ args, env }] = spec.template.spec.containers;
    const told = env.map(({ name: key, value }: Plain) => [key, value ?? `${name}-0`]);
    return { name, args, env: { ...shared, ...SECRETS, ...Object.fromEntries(told) } };
  });
}

function load({ args, env }: Started): Loaded {
  return loadConfig({
    args,
    env,
    readFile: (path) => {
      assert.equal(path, "/etc/segno/segno.yaml");
      return readText(SEGNO_YAML);
    },
  });
}

for (
  const [where, started] of [["compose.yaml", inCompose()], ["kubernetes", onKubernetes()]] as const
) {
  Deno.test(`the configuration of every process in ${where} is understood, and all of it has effect`, () => {
    assert.ok(started.length >= 8);
    for (const one of started) {
      const { config, targets, warnings } = load(one);
      assert.deepEqual(warnings, [], one.name);
      assert.equal(targets.length, 1);
      const isOfBlocks = ["backend-scheduler", "backend-worker"].includes(targets[0]!);
      assert.equal(kindOf(targets, config.ingest.kafka.topic), isOfBlocks ? "backend" : "fleet");
      assert.equal(storeConfig(config).backend, "s3");
      assert.equal(config.segno.data_path, "/data");
    }
  });

  Deno.test(`block-builders in ${where} read every partition, and each partition may have live-stores`, () => {
    const configs = started.map((one) => ({ one, config: load(one).config }));
    const { ingest, block_builder } = configs[0]!.config;
    const partitions = ingest.kafka.auto_create_topic_default_partitions;
    const builders = where === "kubernetes"
      ? processes().find(({ metadata }) => metadata.name === "block-builder").spec.replicas
      : configs.filter(({ one }) => one.args.includes("-target=block-builder")).length;
    assert.ok(builders * block_builder.partitions_per_instance >= partitions);
    const [, ceiling] = readYaml("deploy/keda/live-store.yaml").map(({ spec }) =>
      spec.maxReplicaCount
    );
    if (where === "kubernetes") assert.equal(ceiling, partitions);
  });
}

Deno.test("every variable of the configuration is explained in it", () => {
  const text = readText(SEGNO_YAML);
  const head = text.slice(0, text.indexOf("\nmultitenancy_enabled"));
  const silent = [...variablesIn(text)].filter((name) => !new RegExp(`\\b${name}\\b`).test(head));
  assert.deepEqual(silent, ["MULTITENANCY", "S3_REGION"].filter((name) => silent.includes(name)));
});
