import assert from "node:assert/strict";
import fc from "fast-check";
import { groupsOf, testFiles } from "./group_tests.ts";

const root = new URL("../", import.meta.url).pathname;

Deno.test("every test file is in one group, with others of its folder, a dozen at most", () => {
  const path = fc.stringMatching(/^([a-c]\/){0,3}[a-z]{1,3}_test\.ts$/);
  fc.assert(fc.property(fc.uniqueArray(path, { maxLength: 80 }), (files) => {
    const groups = groupsOf(files);
    assert.deepEqual(groups.flatMap((group) => group.files).sort(), files.toSorted());
    assert.equal(new Set(groups.map(({ name }) => name)).size, groups.length);
    for (const group of groups) {
      assert.ok(group.files.length >= 1 && group.files.length <= 12);
      assert.equal(new Set(group.files.map((file) => file.replace(/[^/]*$/, ""))).size, 1);
    }
  }));
});

Deno.test("tests of this project are found, and none of packages or of other tasks", () => {
  const files = testFiles(root);
  assert.ok(files.includes("tools/group_tests_test.ts") && files.includes("wal/frame_test.ts"));
  assert.ok(files.length > 250);
  assert.ok(files.every((file) => !/^(tests|node_modules|\.)/.test(file)));
});
