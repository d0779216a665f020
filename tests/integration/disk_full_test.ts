// A full disk refuses new spans with an error that clients try again, loses nothing that was
// acknowledged, and is over when there is room again. Needs a small file system of its own; where
// none may be mounted the simulated disk of wal/ shows the same, and this says that it was skipped.
import assert from "node:assert/strict";

import { eventually, findTrace } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

const DISK_BYTES = 24 << 20;
const SEGNO = "  log: {segment_bytes: 1048576}";

function mount(dir: string): boolean {
  const args = ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", dir];
  try {
    return new Deno.Command("mount", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function unmount(dir: string): void {
  const { success } = new Deno.Command("umount", { args: [dir] }).outputSync();
  assert.ok(success, `cannot unmount ${dir}`);
}

const probeDir = Deno.makeTempDirSync({ prefix: "segno-mount-" });
const canMount = mount(probeDir);
if (canMount) unmount(probeDir);
Deno.removeSync(probeDir);

Deno.test({
  name: `a full disk refuses new spans and recovers${
    canMount ? "" : " (no file system may be mounted)"
  }`,
  ignore: !canMount,
  async fn() {
    const dir = Deno.makeTempDirSync({ prefix: "segno-full-" });
    mount(dir);
    try {
      await using server = await ServerProcess.start({ dir, segno: SEGNO });
      const acked: string[] = [];
      const send = async () => {
        const traceId = randomTraceId();
        const attributes = { filler: "x".repeat(1_500) };
        const answer = await sendOtlp(
          server.otlpUrl,
          someTrace({ traceId, spans: 100, attributes }),
        );
        if (answer.status === 200) acked.push(traceId);
        return answer;
      };
      assert.equal((await send()).status, 200);
      fill(`${dir}/filler`);
      const refused = await eventually(send, ({ status }) => status !== 200, 30_000);
      assert.equal(refused.status, 503, refused.text);
      assert.ok(server.isRunning);
      Deno.removeSync(`${dir}/filler`);
      const taken = await eventually(send, ({ status }) => status === 200, 30_000);
      assert.equal(taken.status, 200, taken.text);
      for (const traceId of acked) {
        const spans = await eventually(
          () => findTrace(server.url, traceId),
          (s) => s.length === 100,
        );
        assert.equal(spans.length, 100, `spans of ${traceId}`);
      }
    } finally {
      unmount(dir);
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

/** Takes all the room there is. */
function fill(path: string): void {
  using file = Deno.openSync(path, { create: true, write: true });
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) file.writeSync(new Uint8Array(size));
    } catch { /* no space left, which is what is wanted */ }
  }
}
