import assert from "node:assert/strict";

import fc from "fast-check";

import { folderOfTenant, tenantOfFolder } from "./generator.ts";

Deno.test("a tenant's folder is its name, and never another folder", () => {
  for (const tenant of ["team-a", "single-tenant", "a.b_c!*'()"]) {
    assert.equal(folderOfTenant(tenant), tenant);
  }
  for (const tenant of ["", ".", "..", "../x", "a/b", "%", "%2E"]) {
    const folder = folderOfTenant(tenant);
    assert.ok(!folder.includes("/") && !/^\.*$/.test(folder), folder);
    assert.equal(tenantOfFolder(folder), tenant);
  }
  assert.equal(tenantOfFolder("%zz"), undefined);
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (tenant) => {
    assert.equal(tenantOfFolder(folderOfTenant(tenant)), tenant);
  }));
});
