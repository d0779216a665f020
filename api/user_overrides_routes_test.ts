import assert from "node:assert/strict";
import { VersionError } from "../storage/mod.ts";
import { refused } from "../tests/support/refused.ts";
import { createTestApi } from "../tests/support/test_api.ts";
import type { UserOverridesApi } from "./options.ts";
import { createApi, defaultApiOptions } from "./mod.ts";
import { testDeps } from "../tests/support/test_api.ts";
import { createRuntime } from "../lib/runtime.ts";

/** Keeps documents in memory; versions are quoted numbers, as S3's are quoted. */
function fakeUserOverrides(): UserOverridesApi & { readonly log: unknown[] } {
  const documents = new Map<string, { written: unknown; number: number }>();
  let numbers = 0;
  const log: unknown[] = [];
  const versionOf = (tenant: string) => {
    const stored = documents.get(tenant);
    return stored === undefined ? undefined : `"v${stored.number}"`;
  };
  const expect = (tenant: string, version: string | undefined) => {
    if (versionOf(tenant) !== version) throw new VersionError("another");
  };
  const write = (tenant: string, written: unknown) => {
    documents.set(tenant, { written, number: ++numbers });
    return Promise.resolve({ document: { written }, version: versionOf(tenant)! });
  };
  const parse = (body: Uint8Array) => JSON.parse(new TextDecoder().decode(body));
  return {
    log,
    get: (tenant) => {
      const stored = documents.get(tenant);
      return Promise.resolve(
        stored && { document: { written: stored.written }, version: versionOf(tenant)! },
      );
    },
    version: (tenant) => Promise.resolve(versionOf(tenant)),
    merged: (tenant) => ({ merged: tenant }),
    set: (tenant, body, version, isConflictAllowed) => {
      log.push(["set", tenant, version, isConflictAllowed]);
      expect(tenant, version);
      return write(tenant, parse(body));
    },
    patch: (tenant, body) =>
      write(tenant, { ...documents.get(tenant)?.written as object, ...parse(body) }),
    // deno-lint-ignore require-await -- a refusal is a rejection
    delete: async (tenant, version) => {
      expect(tenant, version);
      documents.delete(tenant);
    },
  };
}

function ask(userOverrides = fakeUserOverrides()) {
  const deps = { ...testDeps(), userOverrides };
  const api = createApi(createRuntime(), deps, { ...defaultApiOptions, multitenancyEnabled: true });
  return (method: string, query = "", body?: string, headers: Record<string, string> = {}) =>
    api.fetch(
      new Request(`http://segno/api/overrides${query}`, {
        method,
        headers: { "X-Scope-OrgID": "acme", ...headers },
        ...body === undefined ? {} : { body },
      }),
    );
}

Deno.test("where users may not set limits there is no such path", async () => {
  await refused(createTestApi().get("/api/overrides"), 404, "404 page not found\n");
});

Deno.test("a document is written, read, replaced and deleted by its version", async () => {
  const overrides = fakeUserOverrides();
  const send = ask(overrides);
  assert.equal((await send("GET")).status, 404);
  const first = await send("POST", "", '{"forwarders":["a"]}', { "If-Match": "0" });
  assert.equal(first.status, 200);
  assert.equal(first.headers.get("etag"), "v1");
  const read = await send("GET");
  assert.equal(read.headers.get("etag"), "v1");
  assert.equal(read.headers.get("content-type"), "application/json");
  assert.deepEqual(await read.json(), { forwarders: ["a"] });
  const query = "?skip-conflicting-overrides-check=true";
  const second = await send("POST", query, "{}", { "If-Match": '"v1"' });
  assert.equal(second.headers.get("etag"), "v2");
  const patched = await send("PATCH", "", '{"b":1}');
  assert.equal(patched.headers.get("etag"), "v3");
  assert.deepEqual(await patched.json(), { b: 1 });
  assert.deepEqual(overrides.log, [
    ["set", "acme", undefined, false],
    ["set", "acme", '"v1"', true],
  ]);
  const merged = await send("GET", "?scope=merged");
  assert.deepEqual(await merged.json(), { merged: "acme" });
  assert.equal(merged.headers.get("etag"), "v3");
  assert.equal((await send("DELETE", "", undefined, { "If-Match": "v3" })).status, 200);
  assert.equal((await send("GET")).status, 404);
  assert.equal((await send("DELETE", "", undefined, { "If-Match": "0" })).status, 404);
});

Deno.test("who has not seen the version is refused, and who names none", async () => {
  const send = ask();
  assert.equal((await send("POST", "", "{}")).status, 428);
  assert.equal((await send("DELETE")).status, 428);
  assert.equal((await send("POST", "", "{}", { "If-Match": "v1" })).status, 412);
  assert.equal((await send("POST", "", "{}", { "If-Match": "0" })).status, 200);
  assert.equal((await send("POST", "", "{}", { "If-Match": "0" })).status, 412);
  assert.equal((await send("DELETE", "", undefined, { "If-Match": "v0" })).status, 412);
});

Deno.test("what makes no sense is refused", async () => {
  const send = ask();
  const several = { "X-Scope-OrgID": "a|b" };
  assert.equal((await send("GET", "", undefined, several)).status, 400);
  assert.equal((await send("GET", "", undefined, { "X-Scope-OrgID": "" })).status, 401);
  assert.equal((await send("GET", "?scope=all")).status, 400);
  const long = `{"forwarders":["${"x".repeat(1 << 20)}"]}`;
  assert.equal((await send("POST", "", long, { "If-Match": "0" })).status, 413);
});
