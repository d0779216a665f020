import assert from "node:assert/strict";

import { SEGNO_VERSION } from "../../cmd/build_info.ts";
import { loadConfig } from "../../cmd/config/mod.ts";
import {
  filesBelow,
  KUBERNETES,
  kubernetesObjects,
  KUSTOMIZATION,
  type Plain,
  processes,
  readEnvironment,
  readText,
  readYaml,
  SEGNO_YAML,
  variablesIn,
  workloads,
} from "../support/deploy_files.ts";
import { kubernetesCheck } from "../support/kubernetes_schema.ts";

const objects = kubernetesObjects();
const kustomization = readYaml(KUSTOMIZATION)[0];

Deno.test("every manifest is what Kubernetes and KEDA take, by their schemas", () => {
  for (const { path, object } of objects) {
    assert.deepEqual(
      kubernetesCheck(object)(object),
      [],
      `${path}: ${object.kind} ${object.metadata.name}`,
    );
  }
  assert.ok(objects.length >= 28);
});

Deno.test("the schemas see a field that is misspelt, of a wrong type, or unknown", () => {
  const store = structuredClone(processes().find(({ kind }) => kind === "StatefulSet"));
  const check = kubernetesCheck(store);
  store.spec.template.spec.containers[0].readynessProbe = {};
  assert.match(check(store).join(), /containers\/0 .*readynessProbe/);
  delete store.spec.template.spec.containers[0].readynessProbe;
  store.spec.replicas = "three";
  assert.match(check(store).join(), /spec\/replicas/);
  const scaled = structuredClone(
    objects.find(({ object }) => object.kind === "ScaledObject")!.object,
  );
  scaled.spec.maxReplicas = 3;
  assert.match(kubernetesCheck(scaled)(scaled).join(), /maxReplicas/);
});

Deno.test("kustomize is told of every manifest, and every image has its version", () => {
  const listed = kustomization.resources.map((path: string) => `${KUBERNETES}/${path}`).sort();
  const others = [KUSTOMIZATION, SEGNO_YAML];
  assert.deepEqual(
    listed,
    filesBelow(KUBERNETES, ".yaml").filter((path) => !others.includes(path)),
  );
  const { newTag } = kustomization.images.find(({ name }: Plain) => name === "segno");
  assert.equal(newTag, SEGNO_VERSION);
  for (const { spec, metadata } of workloads()) {
    for (const { image } of spec.template.spec.containers) {
      assert.match(image, /^segno$|:\d+\.\d+\.\d+/, metadata.name);
    }
  }
});

Deno.test("every target runs, live-stores in two zones with as many in each", () => {
  const targets = processes().map(({ spec }) =>
    /-target=(\S+)/.exec(spec.template.spec.containers[0].args.join(" "))![1]
  );
  assert.deepEqual([...new Set(targets)].sort(), [
    ...["backend-scheduler", "backend-worker", "block-builder", "distributor", "live-store"],
    ...["metrics-generator", "querier", "query-frontend"],
  ]);
  const stores = processes().filter(({ metadata }) => metadata.name.startsWith("live-store-"));
  assert.deepEqual(stores.map(({ metadata }) => metadata.name), [
    "live-store-zone-a",
    "live-store-zone-b",
  ]);
  assert.equal(stores[0].spec.replicas, stores[1].spec.replicas);
  for (const { spec } of stores) {
    assert.equal(spec.podManagementPolicy, "Parallel");
    // Nothing updates both zones at once.
    assert.equal(spec.updateStrategy.type, "OnDelete");
  }
});

Deno.test("selectors of workloads, services and budgets find the pods that are meant", () => {
  const pods = workloads().map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: spec.template.metadata.labels,
    ports: spec.template.spec.containers.flatMap(({ ports }: Plain) =>
      ports.map(({ name }: Plain) => name)
    ),
  }));
  const found = (selector: Record<string, string>) =>
    pods.filter(({ labels }) => Object.entries(selector).every(([k, v]) => labels[k] === v));
  for (const { metadata, spec } of workloads()) {
    const names = found(spec.selector.matchLabels).map(({ name }) => name);
    assert.deepEqual(names, [metadata.name], "a workload finds its own pods alone");
  }
  for (const { object: { kind, metadata, spec } } of objects) {
    if (kind === "PodDisruptionBudget") {
      assert.ok(found(spec.selector.matchLabels).length > 0, metadata.name);
    }
    if (kind !== "Service") continue;
    const chosen = found(spec.selector);
    assert.ok(chosen.length > 0, `service ${metadata.name}`);
    for (const { targetPort } of spec.ports) {
      for (const { name, ports } of chosen) assert.ok(ports.includes(targetPort), `${name}`);
    }
  }
});

Deno.test("StatefulSets have their service, autoscalers their target, and nobody says their replicas twice", () => {
  const names = (wanted: string) =>
    objects.filter(({ object }) => object.kind === wanted).map(({ object }) =>
      object.metadata.name
    );
  for (const { kind, metadata, spec } of workloads()) {
    if (kind === "StatefulSet") assert.ok(names("Service").includes(spec.serviceName));
    const scaler = objects.find(({ object }) =>
      object.kind === "HorizontalPodAutoscaler" &&
      object.spec.scaleTargetRef.name === metadata.name
    );
    assert.equal("replicas" in spec, scaler === undefined, metadata.name);
  }
  for (const { object: { kind, spec } } of objects) {
    if (kind !== "ScaledObject" && kind !== "HorizontalPodAutoscaler") continue;
    assert.ok(names(spec.scaleTargetRef.kind).includes(spec.scaleTargetRef.name));
  }
  const scaled = objects.filter(({ object }) => object.kind === "ScaledObject");
  assert.deepEqual(scaled[0]!.object.spec.triggers, scaled[1]!.object.spec.triggers);
  for (const { object: { spec } } of scaled) {
    const { behavior } = spec.advanced.horizontalPodAutoscalerConfig;
    assert.equal(behavior.scaleDown.selectPolicy, "Disabled", "fewer only by the admin API");
  }
  const [{ patches }] = readYaml("deploy/keda/kustomization.yaml");
  assert.match(patches[0].patch, /remove, path: \/spec\/replicas/);
});

Deno.test("a pod has the time that its process takes to stop", () => {
  const { config } = loadConfig({
    args: ["-config.file=x", "-config.expand-env"],
    env: {},
    readFile: () => readText(SEGNO_YAML),
  });
  for (const { metadata, spec } of processes()) {
    const { terminationGracePeriodSeconds: graceSeconds, containers } = spec.template.spec;
    const needed = containers[0].lifecycle.preStop.sleep.seconds +
      (config.shutdown_delay + config.server.graceful_shutdown_timeout) / 1_000;
    assert.ok(graceSeconds > needed, `${metadata.name}: ${graceSeconds} s, and ${needed} s needed`);
  }
});

Deno.test("pods run as nobody in particular, say when they are ready, and write to volumes alone", () => {
  for (const { metadata: { name }, spec } of workloads()) {
    const pod = spec.template.spec;
    assert.equal(pod.securityContext.runAsNonRoot, true, name);
    assert.equal(pod.automountServiceAccountToken, false, name);
    const mounted = new Set(pod.volumes.map((volume: Plain) => volume.name));
    if (spec.volumeClaimTemplates) mounted.add("data");
    for (const { securityContext, readinessProbe, resources, volumeMounts } of pod.containers) {
      assert.equal(securityContext.readOnlyRootFilesystem, true, name);
      assert.equal(securityContext.allowPrivilegeEscalation, false, name);
      assert.ok(readinessProbe.httpGet && resources.limits.memory, name);
      for (const mount of volumeMounts) {
        assert.ok(mounted.has(mount.name), `${name}: ${mount.name}`);
      }
    }
  }
  for (const { metadata: { name }, spec } of processes()) {
    const [{ readinessProbe, livenessProbe, env, resources }] = spec.template.spec.containers;
    assert.equal(readinessProbe.httpGet.path, "/ready", name);
    assert.notEqual(livenessProbe.httpGet.path, "/ready", "who replays is alive");
    const budget = Number(env.find((one: Plain) => one.name === "MEMORY_BUDGET").value);
    assert.ok(
      budget < 0.65 * bytesOf(resources.limits.memory),
      `${name}: the budget is not all of it`,
    );
  }
});

Deno.test("configuration, environment and secrets that pods name are generated or explained", () => {
  const generated = kustomization.configMapGenerator.map(({ name }: Plain) => name);
  for (const { spec } of workloads()) {
    const { volumes, containers } = spec.template.spec;
    const named = [
      ...volumes.flatMap(({ configMap }: Plain) => configMap?.name ?? []),
      ...containers.flatMap(({ envFrom = [] }: Plain) =>
        envFrom.flatMap(({ configMapRef }: Plain) => configMapRef?.name ?? [])
      ),
    ];
    for (const name of named) assert.ok(generated.includes(name), name);
  }
  for (const { files = [], envs = [] } of kustomization.configMapGenerator) {
    for (const path of [...files, ...envs]) readText(`${KUBERNETES}/${path}`);
  }
  assert.ok(readText("docs/operations.md").includes("create secret generic segno-secrets"));
  const asked = variablesIn(readText(SEGNO_YAML));
  const told = Object.keys(readEnvironment("deploy/kubernetes/environment.env"));
  assert.deepEqual(told.filter((name) => !asked.has(name)), []);
});

function bytesOf(quantity: string): number {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity)!;
  return Number(number) * (unit === "Gi" ? 2 ** 30 : 2 ** 20);
}
