// The manifests as kustomize itself puts them together: every object by its schema, images with their versions,
// configuration named by its content, and live-stores without a number where KEDA has it.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { kustomizeProgram } from "../support/bucket_servers.ts";
import { documentsOf, type Plain } from "../support/deploy_files.ts";
import { kubernetesCheck } from "../support/kubernetes_schema.ts";
import { skipped } from "../support/skipped.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const kustomize = await kustomizeProgram().catch(skipped("manifests by kustomize"));

if (kustomize !== undefined) {
  Deno.test("kustomize makes a fleet that Kubernetes takes", async () => {
    const objects = await built(kustomize, "deploy/kubernetes");
    for (const object of objects) {
      const { kind, metadata } = object;
      assert.deepEqual(kubernetesCheck(object)(object), [], `${kind} ${metadata.name}`);
      if (kind !== "Namespace") assert.equal(metadata.namespace, "segno", metadata.name);
    }
    const configs = named(objects, "ConfigMap");
    assert.equal(configs.length, 3);
    for (const { spec, metadata } of workloads(objects)) {
      const [{ image, envFrom = [] }] = spec.template.spec.containers;
      assert.match(image, /^\w+:\d+\.\d+\.\d+/, metadata.name);
      for (const { configMapRef } of envFrom) {
        if (configMapRef === undefined) continue;
        assert.ok(configs.some((one) => one.metadata.name === configMapRef.name));
        assert.match(configMapRef.name, /^segno-environment-\w{10}$/);
      }
    }
  });

  Deno.test("with KEDA live-stores have no number of their own, and all else is the same", async () => {
    const base = await built(kustomize, "deploy/kubernetes");
    const scaled = await built(kustomize, "deploy/keda");
    const names = (objects: readonly Plain[]) =>
      objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
    assert.deepEqual(
      names(scaled.filter(({ kind }) => kind !== "ScaledObject")),
      names(base),
    );
    const without = workloads(scaled).filter(({ spec }) => spec.replicas === undefined);
    assert.deepEqual(without.map(({ metadata }) => metadata.name).sort(), [
      ...["distributor", "live-store-zone-a", "live-store-zone-b", "querier"],
    ]);
    for (const object of scaled) assert.deepEqual(kubernetesCheck(object)(object), []);
  });
}

async function built(program: string, folder: string): Promise<Plain[]> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: ["build", `${ROOT}${folder}`],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return documentsOf(new TextDecoder().decode(stdout));
}

const named = (objects: readonly Plain[], wanted: string) =>
  objects.filter(({ kind }) => kind === wanted);
const workloads = (objects: readonly Plain[]) => [
  ...named(objects, "Deployment"),
  ...named(objects, "StatefulSet"),
];
