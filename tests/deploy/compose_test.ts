import assert from "node:assert/strict";

import composeSchema from "../golden/compose/compose-spec.json" with { type: "json" };
import { SEGNO_VERSION } from "../../cmd/build_info.ts";
import { LAYERS } from "../../tools/layers.ts";
import {
  type Plain,
  readText,
  readYaml,
  SEGNO_YAML,
  variablesIn,
} from "../support/deploy_files.ts";
import { schemaCheck } from "../support/json_schema.ts";

const compose = readYaml("compose.yaml")[0];
const services = Object.entries<Plain>(compose.services);
const own = services.filter(([, { image }]) => image.startsWith("segno:"));

Deno.test("compose.yaml is a file of Compose, by its schema", () => {
  const check = schemaCheck(composeSchema);
  assert.deepEqual(check(compose), []);
  const wrong = structuredClone(compose);
  wrong.services.kafka.restarts = "always";
  assert.match(check(wrong).join(), /services\/kafka .*restarts/);
});

Deno.test("every image is of one version, and those that tests start are of the same", () => {
  for (const [name, { image }] of services) {
    assert.match(image, /:v?\d+\.\d+\.\d+$/, `${name}: ${image}`);
  }
  const version = (name: string) => compose.services[name].image.replace(/^.*:v?/, "");
  const tested = (file: string, what: RegExp) => what.exec(readText(`tests/${file}`))?.[1];
  assert.equal(version("kafka"), tested("support/kafka_server.ts", /VERSION = "([\d.]+)"/));
  assert.equal(version("s3"), tested("support/bucket_servers.ts", /versitygw", "v([\d.]+)"/));
  assert.equal(
    version("load-a"),
    tested("integration/telemetrygen_test.ts", /v(\d+\.\d+\.\d+)/),
  );
  assert.equal(version("distributor-a"), SEGNO_VERSION);
});

Deno.test("every target is a service, and those that have zones are in both", () => {
  const zones = new Map<string, string[]>();
  for (const [, { command, environment }] of own) {
    const target = /-target=(\S+)/.exec(command.join(" "))![1]!;
    zones.set(target, [...zones.get(target) ?? [], environment.ZONE]);
  }
  assert.deepEqual([...zones.keys()].sort(), [
    ...["backend-scheduler", "backend-worker", "block-builder", "distributor", "live-store"],
    ...["metrics-generator", "querier", "query-frontend"],
  ]);
  for (const target of ["distributor", "live-store", "querier"]) {
    assert.deepEqual(zones.get(target), ["zone-a", "zone-b"], target);
  }
});

Deno.test("what a service is told is what the configuration asks for", () => {
  const asked = variablesIn(readText(SEGNO_YAML));
  for (const [name, { environment }] of own) {
    const unknown = Object.keys(environment).filter((key) => !asked.has(key));
    assert.deepEqual(unknown, [], `${name} is told what nobody reads`);
  }
  const { PARTITIONS } = compose["x-environment"];
  const liveStores = own.filter(([, { environment }]) => /^live-store/.test(environment.INSTANCE));
  assert.equal(liveStores.length, 2 * Number(PARTITIONS), "one in each zone for each partition");
});

Deno.test("files, volumes and services that are named are there", () => {
  for (const [name, service] of services) {
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(":");
      if (source.startsWith("./")) Deno.statSync(new URL(`../../${source}`, import.meta.url));
      else assert.ok(source in compose.volumes, `${name}: volume ${source}`);
    }
    const needs = service.depends_on ?? [];
    for (const other of Array.isArray(needs) ? needs : Object.keys(needs)) {
      assert.ok(other in compose.services, `${name} depends on ${other}`);
    }
    for (const config of service.configs ?? []) assert.ok(config.source in compose.configs, name);
  }
  for (const { file } of Object.values<Plain>(compose.configs)) readText(file.replace("./", ""));
});

Deno.test("Prometheus asks every process of the fleet, and Grafana asks the query-frontend", () => {
  const [{ scrape_configs }] = readYaml("deploy/compose/prometheus.yaml");
  const asked = scrape_configs.flatMap(({ static_configs }: Plain) =>
    static_configs.flatMap(({ targets }: Plain) => targets)
  );
  assert.deepEqual(asked.sort(), own.map(([name]) => `${name}:3200`).sort());
  const [{ datasources }] = readYaml("deploy/compose/datasources.yaml");
  const [segno, prometheus] = datasources;
  assert.equal(segno.url, "http://query-frontend:3200");
  assert.deepEqual(segno.jsonData.streamingEnabled, { search: true, metrics: true });
  assert.equal(segno.jsonData.tracesToMetrics.datasourceUid, prometheus.uid);
});

Deno.test("the image runs what `deno task start` runs, and has all that is imported", () => {
  const dockerfile = readText("Dockerfile");
  const { tasks } = JSON.parse(readText("deno.json"));
  const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
  assert.equal(entrypoint.filter((word) => word !== "--cached-only").join(" "), tasks.start);
  assert.match(dockerfile, /^FROM denoland\/deno:debian-2\.9\.6$/m);
  assert.match(readText("README.md"), /deno@2\.9\.6/);
  assert.match(dockerfile, /^USER deno$/m);

  const copied = Array.from(dockerfile.matchAll(/^COPY (\w+) \1$/gm), ([, folder]) => folder);
  const folders = new Set(Object.keys(LAYERS).map((layer) => layer.split("/")[0]!));
  const there = [...folders, "cmd", "ui"].filter((folder) => {
    try {
      return Deno.statSync(new URL(`../../${folder}`, import.meta.url)).isDirectory;
    } catch {
      return false; // named by the design, and not here yet
    }
  });
  assert.deepEqual(copied.sort(), there.sort());
  const kept = readText(".dockerignore").split("\n").filter((line) => line.startsWith("!"));
  assert.deepEqual(
    kept.map((line) => line.slice(1)).sort(),
    [
      ...there,
      "deno.json",
      "deno.lock",
    ].sort(),
  );
});
