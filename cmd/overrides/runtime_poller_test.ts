import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { defaultConfig } from "../config/mod.ts";
import { Overrides } from "./overrides.ts";
import { followRuntimeFile } from "./runtime_poller.ts";

const withBytes = (bytes: number) => `overrides: {acme: {global: {max_bytes_per_trace: ${bytes}}}}`;

async function following(first: string | Error) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const overrides = new Overrides(defaultConfig());
  const file = { text: first };
  let replaced = 0;
  overrides.onChange(() => replaced++);
  const read = () =>
    typeof file.text === "string" ? Promise.resolve(file.text) : Promise.reject(file.text);
  const source = { path: "tenants.yaml", read, isLegacyAllowed: false };
  const follower = await followRuntimeFile(runtime, overrides, source, 10_000);
  return {
    clock,
    file,
    follower,
    bytes: () => overrides.limitsOf("acme").global.maxBytesPerTrace,
    replaced: () => replaced,
    metric: async (start: string) =>
      (await runtime.metrics.text()).split("\n").filter((line) => line.startsWith(start)),
  };
}

const GOOD = 'tempo_runtime_config_last_reload_successful{config="overrides"}';

Deno.test("a file that changes is in effect within its period, and is not looked into otherwise", async () => {
  const { clock, file, follower, bytes, replaced, metric } = await following(withBytes(1));
  await using _ = follower;
  assert.equal(bytes(), 1);
  await clock.advance(60_000);
  assert.equal(replaced(), 1);
  file.text = withBytes(2);
  await clock.advance(10_000);
  assert.equal(bytes(), 2);
  assert.equal(replaced(), 2);
  const sha256 = createHash("sha256").update(withBytes(2)).digest("hex");
  assert.deepEqual(await metric("tempo_runtime_config_hash"), [
    `tempo_runtime_config_hash{config="overrides",sha256="${sha256}"} 1`,
  ]);
  assert.deepEqual(await metric(GOOD), [`${GOOD} 1`]);
});

Deno.test("a file that is bad or gone leaves the former limits, and says so", async () => {
  const { clock, file, follower, bytes, metric } = await following(withBytes(1));
  await using _ = follower;
  for (const bad of ["overrides: {acme: {globl: {}}}", "overrides: {", new Error("no such file")]) {
    file.text = bad;
    await clock.advance(10_000);
    assert.equal(bytes(), 1);
    assert.deepEqual(await metric(GOOD), [`${GOOD} 0`]);
    assert.equal((await metric("tempo_runtime_config_hash")).length, 1);
    file.text = withBytes(1);
    await clock.advance(10_000);
    assert.deepEqual(await metric(GOOD), [`${GOOD} 1`]);
  }
});

Deno.test("at the start a file that is bad or gone is an error", async () => {
  await assert.rejects(
    following("overrides: {acme: {globl: {}}}"),
    /overrides\.acme\.globl: unknown/,
  );
  await assert.rejects(following(new Error("no such file")), {
    name: "InputError",
    message: "cannot read overrides.per_tenant_override_config tenants.yaml: no such file",
  });
});
