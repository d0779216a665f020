import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { metaKey } from "../../model/block_meta.ts";
import { MemoryObjectStore, type StoreConfig } from "../../storage/mod.ts";
import { GOLDEN_TENANT, GOLDEN_V5, goldenStore } from "../../tests/support/golden_store.ts";
import { cli } from "./cli_testing.ts";
import { COMMANDS } from "./commands.ts";
import { OutputClosed } from "./output.ts";

const store = await goldenStore();
const nothing = new MemoryObjectStore();

Deno.test("no words at all are answered with help and exit code 2, help itself with 0", async () => {
  const bare = await cli(nothing, []);
  assert.deepEqual([bare.code, bare.out], [2, ""]);
  const helped = await cli(nothing, ["help"]);
  assert.deepEqual([helped.code, helped.err], [0, ""]);
  assert.equal(helped.out, bare.err);
  for (const { name, summary } of COMMANDS) {
    assert.ok(helped.out.includes(`  ${name} `), name);
    assert.ok(helped.out.includes(summary), name);
  }
});

Deno.test("each command has help of its own, by every way of asking", async () => {
  for (const { name, flags } of COMMANDS) {
    const words = name.split(" ");
    const asked = await Promise.all([
      cli(nothing, ["help", ...words]),
      cli(nothing, [...words, "--help"]),
      cli(nothing, [...words, "x", "-h"]),
    ]);
    for (const { code, out } of asked) {
      assert.equal(code, 0);
      assert.equal(out, asked[0]!.out);
      assert.match(out, new RegExp(`^usage: deno task cli ${name}`));
      for (const flag of flags) assert.ok(out.includes(`--${flag.name}`), `${name} --${flag.name}`);
    }
  }
  const group = await cli(nothing, ["help", "list"]);
  assert.match(group.out, /list blocks/);
  assert.doesNotMatch(group.out, /view block/);
});

const REFUSED: readonly (readonly [words: string, said: RegExp])[] = [
  ["frobnicate all", /no command "frobnicate all"; help lists them/],
  ["view", /no command "view"; there is view block, view schema, view column/],
  ["view block acme", /<block-id> is missing\nusage: view block <tenant> <block-id>/],
  ["view block acme x y", /unexpected argument "y"/],
  ["view block acme nonsense", /expected a block id such as \S+, not "nonsense"/],
  ["list blocks --frob", /Unknown option '--frob'/],
  ["list blocks -frob=1", /Unknown option '--frob'/],
  ["list blocks --backend floppy", /floppy|storage.trace.backend/],
  ["list blocks --backend s3", /storage.trace.s3.bucket: is empty/],
  ["list blocks --account-name x", /flag --account-name is for azure; the backend is local/],
  ["list blocks --backend s3 --bucket b --path /x", /flag --path is for local; the backend is s3/],
  [
    "list blocks --backend s3 --bucket b --endpoint ///",
    /--endpoint: expected host:port or a URL, not "\/\/\/"/,
  ],
  ["list blocks -storage.trace.frob=1", /unknown flag -storage.trace.frob/],
  ["list blocks -c /nowhere.yaml", /cannot read -config.file \/nowhere.yaml/],
  ["list blocks a/b", /tenant "a\/b" is not one/],
  ["view column acme ID col --rows many", /flag --rows: expected a whole number, not "many"/],
  [
    "analyse blocks TENANT --min-share 7",
    /flag --min-share: expected a share such as 2% or 0.02, not "7"/,
  ],
  ["query search TENANT {} --start yesterday", /flag --start: expected a time such as/],
  ["query search TENANT {} --end 1h", /flag --end needs --start/],
  ["query search TENANT {} --start 1h --end 2h", /--start \d+ is after --end \d+/],
  ["query search TENANT {} --limit 0", /--limit: must be above 0/],
  ["query search TENANT {nope}", /invalid TraceQL query: parse error at line 1, col 2/],
  ["query search TENANT {}|rate()", /a metrics query cannot be searched/],
  ["query trace-id TENANT xyz", /expected a trace id of up to 32 hex digits, not "xyz"/],
];

for (const [words, said] of REFUSED) {
  Deno.test(`refused with exit code 2, naming what is wrong: ${words}`, async () => {
    const args = words.replace("TENANT", GOLDEN_TENANT).replace("ID", GOLDEN_V5)
      .replace("acme 5", `${GOLDEN_TENANT} 5`).split(" ");
    const { code, out, err } = await cli(store, args);
    assert.match(err, said);
    assert.deepEqual([code, out], [2, ""]);
  });
}

Deno.test("what is not there is exit code 1, and names it", async () => {
  const cases: [string, RegExp][] = [
    ["list blocks nobody", /no blocks of tenant nobody/],
    [
      `view block ${GOLDEN_TENANT} 00000000-0000-0000-0000-000000000000`,
      /no block 00000000-0000-\S+ of tenant single-tenant/,
    ],
    [`view block ${GOLDEN_TENANT} ${GOLDEN_V5} --row-group 7`, /no row group 7, the block has 1/],
    [
      `view column ${GOLDEN_TENANT} ${GOLDEN_V5} rs.Nothing`,
      /block single-tenant\/\S+ has no column rs.Nothing/,
    ],
    [
      `query trace-id ${GOLDEN_TENANT} abc`,
      /no trace 0{29}abc in 6 blocks of tenant single-tenant/,
    ],
  ];
  for (const [words, said] of cases) {
    const { code, out, err } = await cli(store, words.split(" "));
    assert.match(err, said);
    assert.deepEqual([code, out], [1, ""], words);
  }
  const empty = await cli(nothing, ["list", "blocks"]);
  assert.deepEqual([empty.code, empty.err], [1, "segno: the store has no blocks\n"]);
});

Deno.test("a store out of reach is exit code 1 in one line", async () => {
  const store = await goldenStore(["v5-default"]);
  store.script({ operation: "list", key: "", call: 1, fail: new UnavailableError("storm at sea") });
  const { code, err } = await cli(store, ["list", "blocks"]);
  assert.deepEqual([code, err], [1, "segno: storm at sea\n"]);
});

Deno.test("a damaged meta is an exit code of 1 that names the object", async () => {
  const store = await goldenStore(["v5-default"]);
  await store.write(metaKey(GOLDEN_TENANT, GOLDEN_V5), new Uint8Array(3));
  const { code, err } = await cli(store, ["view", "block", GOLDEN_TENANT, GOLDEN_V5]);
  assert.equal(code, 1);
  assert.match(err, /single-tenant\/5a6b0000-\S+\/meta.json: not JSON/);
});

Deno.test("a reader who has seen enough ends a command quietly", async () => {
  let writes = 0;
  const stdout = () => {
    if (++writes > 1) throw new OutputClosed("closed");
  };
  const { code, err } = await cli(store, ["view", "block", GOLDEN_TENANT, GOLDEN_V5], { stdout });
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(writes, 2);
});

Deno.test("an interrupt ends a command with 130", async () => {
  const stop = new AbortController();
  const stopping = await goldenStore();
  const read = stopping.read.bind(stopping);
  stopping.read = (key, range, signal) => {
    stop.abort(new Error("interrupted"));
    return read(key, range, signal);
  };
  const { code, out, err } = await cli(
    stopping,
    ["verify", "blocks", GOLDEN_TENANT],
    { signal: stop.signal },
  );
  assert.deepEqual([code, out, err], [130, "", "segno: interrupted\n"]);
});

Deno.test("flags name the store of any backend, as the configuration would", async () => {
  const opened: StoreConfig[] = [];
  const openStore = (config: StoreConfig) => {
    opened.push(config);
    return Promise.resolve(store);
  };
  const file = "storage: {trace: {backend: gcs, gcs: {bucket_name: traces, prefix: old}}}";
  const readFile = (path: string) => {
    assert.equal(path, "segno.yaml");
    return file;
  };
  const open = async (...flags: string[]) => {
    const ran = await cli(store, ["list", "compaction-summary", ...flags], { openStore, readFile });
    assert.equal(ran.code, 0, ran.err);
    return opened.at(-1)!;
  };
  assert.deepEqual(await open("--bucket", "/var/blocks"), {
    backend: "local",
    local: { path: "/var/blocks" },
  });
  assert.deepEqual(await open("-path=/var/blocks"), await open("--bucket=/var/blocks"));
  const s3 = await open(
    ...["--backend", "s3", "--bucket=b", "-endpoint", "localhost:9000", "-insecure"],
    ...["--access-key", "id", "--secret-key", "key", "--prefix", "p", "--region=here"],
  );
  assert.ok(s3.backend === "s3");
  assert.equal(s3.s3.endpoint, "http://localhost:9000");
  assert.deepEqual(s3.s3.credentials, {
    accessKeyId: "id",
    secretAccessKey: "key",
    sessionToken: undefined,
  });
  assert.deepEqual([s3.s3.bucket, s3.s3.region, s3.remote.prefix], ["b", "here", "p"]);
  const azure = await open(
    ...["--backend=azure", "--bucket", "c", "--account-name", "a", "--account-key", "a2V5"],
    ...["--endpoint", "127.0.0.1:10000"],
  );
  assert.ok(azure.backend === "azure");
  assert.deepEqual([azure.azure.container, azure.azure.url], ["c", "http://127.0.0.1:10000/a"]);
  for (const flag of ["--config-file", "-config.file", "-c"]) {
    const gcs = await open(flag, "segno.yaml", "-storage.trace.gcs.prefix", "new");
    assert.ok(gcs.backend === "gcs");
    assert.deepEqual([gcs.gcs.bucket, gcs.remote.prefix], ["traces", "new"]);
  }
  const other = await open("-c", "segno.yaml", "--bucket", "others");
  assert.ok(other.backend === "gcs" && other.gcs.bucket === "others");
});
