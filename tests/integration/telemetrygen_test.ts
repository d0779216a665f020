// The collector project's own generator as a client. It is built with Go once and kept in
// ~/.cache/segno-tests; without Go the test is skipped and says so.
import assert from "node:assert/strict";

import { eventually, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";

const VERSION = "v0.161.0";
const MODULE = "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen";
const BIN = `${Deno.env.get("HOME") ?? "/tmp"}/.cache/segno-tests/telemetrygen-${VERSION}`;

const hasGo = commandSucceeds("go", ["version"]);

Deno.test({
  name: `telemetrygen's traces are found${
    hasGo ? "" : " (skipped: there is no Go to build it with)"
  }`,
  ignore: !hasGo,
  async fn(t) {
    await install();
    const dir = Deno.makeTempDirSync({ prefix: "segno-telemetrygen-" });
    try {
      await using server = await ServerProcess.start({ dir });
      const { otlpGrpc, otlpHttp } = server.ports;
      const protocols = {
        grpc: [`127.0.0.1:${otlpGrpc}`],
        http: [`127.0.0.1:${otlpHttp}`, "--otlp-http"],
      };
      for (const [protocol, [endpoint, ...more]] of Object.entries(protocols)) {
        await t.step(protocol, async () => {
          const service = `telemetrygen-${protocol}`;
          const { success, stderr } = await new Deno.Command(`${BIN}/telemetrygen`, {
            args: [
              "traces",
              "--otlp-insecure",
              "--otlp-endpoint",
              endpoint!,
              "--traces",
              "5",
              "--service",
              service,
              ...more,
            ],
          }).output();
          assert.ok(success, new TextDecoder().decode(stderr));
          const query = `{ resource.service.name = "${service}" }`;
          const found = await eventually(() => search(server.url, query), (f) => f.length === 5);
          assert.equal(found.length, 5);
        });
      }
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

async function install(): Promise<void> {
  if (commandSucceeds(`${BIN}/telemetrygen`, ["--help"])) return;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["install", `${MODULE}@${VERSION}`],
    env: { GOBIN: BIN },
  }).output();
  const reason = new TextDecoder().decode(stderr);
  assert.ok(success, `go install ${MODULE}@${VERSION}: ${reason}`);
}

function commandSucceeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
