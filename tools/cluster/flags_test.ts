import assert from "node:assert/strict";

import { parseClusterFlags } from "./flags.ts";

Deno.test("without options there are two zones and two partitions", () => {
  assert.deepEqual(parseClusterFlags([]), {
    partitions: 2,
    zones: 2,
    load: 0,
    ports: 20_200,
    dir: undefined,
    remoteWrite: undefined,
    isHelpWanted: false,
  });
});

Deno.test("values follow or are joined to their names", () => {
  const flags = parseClusterFlags(["--partitions", "3", "--dir=./here", "--load=500", "--zones=1"]);
  const { partitions, dir, load, zones } = flags;
  assert.deepEqual({ partitions, dir, load, zones }, {
    partitions: 3,
    dir: "./here",
    load: 500,
    zones: 1,
  });
  const url = "http://127.0.0.1:9090/api/v1/write";
  assert.equal(parseClusterFlags(["--remote-write", url]).remoteWrite, url);
  assert.ok(parseClusterFlags(["--help"]).isHelpWanted);
});

Deno.test("what is not understood is refused by its name", () => {
  assert.throws(() => parseClusterFlags(["--replicas", "3"]), /unknown option --replicas/);
  assert.throws(() => parseClusterFlags(["partitions=3"]), /unknown option partitions=3/);
  assert.throws(() => parseClusterFlags(["--dir"]), /--dir needs a value/);
  assert.throws(() => parseClusterFlags(["--zones", "3"]), /--zones: .* from 1 to 2, not 3/);
  assert.throws(() => parseClusterFlags(["--partitions", "0"]), /--partitions: .* not 0/);
  assert.throws(() => parseClusterFlags(["--remote-write", "here"]), /a URL of http .* not here/);
  assert.throws(() => parseClusterFlags(["--load", "1e3"]), /--load: .* not 1e3/);
});
