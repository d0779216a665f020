// `deno task cli` as people run it: a process of its own, on a local store and on a server of each kind
// of bucket, with the peer's blocks in it.
// A server that cannot be had skips its test with the reason; where CI is set that is a failure.
import * as s3 from "@aws-sdk/client-s3";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { loadConfig } from "../../cmd/config/mod.ts";
import { storeConfig } from "../../cmd/store_config.ts";
import { openStore } from "../../storage/mod.ts";
import {
  AZURE_ACCOUNT,
  AZURE_KEY,
  type BucketServer,
  NoServerError,
  S3_KEYS,
  startAzurite,
  startFakeGcsServer,
  startVersitygw,
} from "../support/bucket_servers.ts";
import { GOLDEN_TENANT, GOLDEN_V4, GOLDEN_V5, goldenObjects } from "../support/golden_store.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BLOCKS = ["v5-default", "v4-default"];
const TRACE = "160de79e0ed526064d62e740c1c1312d";

function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "cli", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function cli(args: readonly string[]) {
  const { code, stdout, stderr } = await start(args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A folder with golden blocks, removed in the end. */
async function withFolder(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync({ prefix: "segno-cli-" });
  try {
    for (const [key, bytes] of goldenObjects(BLOCKS)) putFile(`${dir}/${key}`, bytes);
    await use(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function putFile(path: string, bytes: Uint8Array): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(path, bytes);
}

/** Everything that can be done to a store, through the flags that name it. */
async function exercise(store: readonly string[]): Promise<void> {
  const listed = await cli(["list", "blocks", ...store]);
  assert.equal(listed.code, 0, listed.err);
  assert.match(listed.out, /\n2 blocks, 252 traces, /);
  const verified = await cli(["verify", "blocks", GOLDEN_TENANT, "--json", ...store]);
  assert.equal(verified.code, 0, verified.err);
  assert.equal(JSON.parse(verified.out).damaged, 0);
  const found = await cli(["query", "trace-id", GOLDEN_TENANT, TRACE, "--json", ...store]);
  assert.equal(JSON.parse(found.out).trace.resourceSpans.length, 1);
  const dropped = await cli([
    ...["rewrite-blocks", "drop-traces", GOLDEN_TENANT, TRACE, "--yes", "--json"],
    ...store,
  ]);
  assert.equal(dropped.code, 0, dropped.err);
  assert.equal(JSON.parse(dropped.out).blocks.length, 2);
  const gone = await cli(["query", "trace-id", GOLDEN_TENANT, TRACE, ...store]);
  assert.deepEqual([gone.code, gone.out], [1, ""]);
  const all = await cli(["list", "blocks", "--all", "--json", ...store]);
  const states = JSON.parse(all.out).blocks.map((
    { blockId, state, meta }: any,
  ) => [blockId === GOLDEN_V5 || blockId === GOLDEN_V4, state, meta.format]);
  assert.deepEqual(states.sort(), [
    // What is rewritten stays in the version that its readers know.
    [false, "live", "vParquet4"],
    [false, "live", "vParquet5"],
    [true, "compacted", "vParquet4"],
    [true, "compacted", "vParquet5"],
  ]);
  const sound = await cli(["verify", "blocks", GOLDEN_TENANT, ...store]);
  assert.equal(sound.code, 0, sound.out + sound.err);
}

Deno.test("the task works on a folder, named in Go's form or by a configuration", async () => {
  await withFolder(async (dir) => {
    const file = `${dir}.yaml`;
    try {
      Deno.writeTextFileSync(file, `storage: {trace: {local: {path: ${JSON.stringify(dir)}}}}\n`);
      const named = await cli(["view", "block", GOLDEN_TENANT, GOLDEN_V5, `-config.file=${file}`]);
      assert.deepEqual([named.code, named.err], [0, ""]);
      assert.match(named.out, /^rs\.ss\.Spans\.DedicatedAttributes\.String01 = span\.\S+ /m);
    } finally {
      Deno.removeSync(file);
    }
    await exercise(["-bucket", dir]);
  });
});

Deno.test("exit codes of the task are 0, 1 and 2, and errors one line", async () => {
  await withFolder(async (dir) => {
    Deno.removeSync(`${dir}/${GOLDEN_TENANT}/${GOLDEN_V4}/bloom-0`);
    const damaged = await cli(["verify", "blocks", GOLDEN_TENANT, "--bucket", dir]);
    assert.deepEqual([damaged.code, damaged.err], [1, ""]);
    assert.match(damaged.out, /\n {2}bloom-0: is missing\n2 blocks, 1 not sound\n$/);
    const nowhere = await cli(["list", "blocks", "--path", `${dir}/nowhere`]);
    assert.deepEqual([nowhere.code, nowhere.out], [2, ""]);
    assert.equal(nowhere.err, `segno: no folder ${dir}/nowhere, where the blocks should be\n`);
    assert.ok(
      ![...Deno.readDirSync(dir)].some(({ name }) => name === "nowhere"),
      "nor is there now",
    );
  });
});

Deno.test("a pipe that closes early is no failure", async () => {
  await withFolder(async (dir) => {
    const child = start([
      "view",
      "column",
      GOLDEN_TENANT,
      GOLDEN_V5,
      "rs.ss.Spans.Attrs.Value",
      "--rows",
      "1000",
      "--json",
      "--bucket",
      dir,
    ]);
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assert.deepEqual([code, err], [0, ""]);
  });
});

Deno.test("an interrupt ends the task with 130, whole blocks told before", async () => {
  await withFolder(async (dir) => {
    const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
    for (let n = 0; n < 400; n++) {
      for (const [key, bytes] of goldenObjects(["compaction-out"])) {
        const [tenant, blockId, object] = key.split("/") as [string, string, string];
        const text = object === "meta.json"
          ? new TextEncoder().encode(new TextDecoder().decode(bytes).replaceAll(blockId, id(n)))
          : bytes;
        putFile(`${dir}/${tenant}/${id(n)}/${object}`, text);
      }
    }
    const child = start(["verify", "blocks", GOLDEN_TENANT, "--bucket", dir]);
    let out = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        if (out === "") child.kill("SIGINT");
        out += text;
      }
    })();
    const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
    await reading;
    assert.deepEqual([code, err], [130, "segno: interrupted\n"]);
    const lines = out.trimEnd().split("\n");
    assert.ok(lines.length < 400, `${lines.length} blocks`);
    for (const line of lines) assert.match(line, /: sound; /);
  });
});

interface Backend {
  readonly name: string;
  readonly start: () => Promise<BucketServer>;
  readonly createBucket: (server: BucketServer) => Promise<void>;
  readonly flags: (server: BucketServer) => readonly string[];
}

const BACKENDS: readonly Backend[] = [
  {
    name: "S3 (versitygw)",
    start: startVersitygw,
    createBucket: async ({ url }) => {
      const options = { region: "us-east-1", credentials: S3_KEYS, forcePathStyle: true };
      const client = new s3.S3Client({ endpoint: url, ...options });
      await client.send(new s3.CreateBucketCommand({ Bucket: "traces" }));
      client.destroy();
    },
    flags: ({ address }) => [
      ...["--backend=s3", "--bucket=traces", `--endpoint=${address}`, "--insecure", "--prefix=p"],
      ...[`--access-key=${S3_KEYS.accessKeyId}`, `--secret-key=${S3_KEYS.secretAccessKey}`],
    ],
  },
  {
    name: "GCS (fake-gcs-server)",
    start: startFakeGcsServer,
    createBucket: async ({ url }) => {
      const body = JSON.stringify({ name: "traces" });
      const answer = await fetch(`${url}/storage/v1/b?project=p`, { method: "POST", body });
      assert.equal(answer.status, 200, await answer.text());
    },
    flags: ({ url }) => ["--backend=gcs", "--bucket=traces", `--endpoint=${url}`, "--insecure"],
  },
  {
    name: "Azure (Azurite)",
    start: startAzurite,
    createBucket: async ({ url }) => {
      const credential = new StorageSharedKeyCredential(AZURE_ACCOUNT, AZURE_KEY);
      const service = new BlobServiceClient(`${url}/${AZURE_ACCOUNT}`, credential);
      await service.getContainerClient("traces").create();
    },
    flags: ({ address }) => [
      ...["--backend=azure", "--bucket=traces", `--endpoint=${address}`],
      ...[`--account-name=${AZURE_ACCOUNT}`, `--account-key=${AZURE_KEY}`],
    ],
  },
];

/** The flags as the configuration has them, to fill the bucket through the same store. */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  s3: {
    bucket: "s3.bucket",
    endpoint: "s3.endpoint",
    insecure: "s3.insecure",
    prefix: "s3.prefix",
    "access-key": "s3.access-key",
    "secret-key": "s3.secret-key",
  },
  gcs: { bucket: "gcs.bucket-name", endpoint: "gcs.endpoint", insecure: "gcs.insecure" },
  azure: {
    bucket: "azure.container-name",
    endpoint: "azure.endpoint-suffix",
    "account-name": "azure.storage-account-name",
    "account-key": "azure.storage-account-key",
  },
};

for (const backend of BACKENDS) {
  let server: BucketServer | undefined;
  let reason = "";
  try {
    server = await backend.start();
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    reason = error.message;
  }
  Deno.test({
    name: `the task works on ${backend.name}${reason === "" ? "" : ` (skipped: ${reason})`}`,
    ignore: server === undefined && Deno.env.get("CI") !== "true",
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      assert.ok(server !== undefined, reason);
      await using own = server;
      await backend.createBucket(own);
      const flags = backend.flags(own);
      await fill(flags);
      await exercise(flags);
    },
  });
}

async function fill(flags: readonly string[]): Promise<void> {
  const [kind] = /(?<=--backend=)\w+/.exec(flags.join(" "))!;
  const args = flags.slice(1).map((flag) => {
    const [, name, value = "true"] = /^--([\w-]+)(?:=(.*))?$/.exec(flag)!;
    return `-storage.trace.${KEYS[kind]![name!]}=${value}`;
  });
  const { config } = loadConfig({
    args: [`-storage.trace.backend=${kind}`, ...args],
    env: {},
    readFile: () => "",
  });
  const store = await openStore(storeConfig(config));
  for (const [key, bytes] of goldenObjects(BLOCKS)) await store.write(key, bytes);
}
