// TraceQL metrics of the real process, across its threads: from memory, from blocks, after a restart.
import assert from "node:assert/strict";
import { encodeOtlp } from "../support/otlp.ts";
import { eventually } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { someTrace } from "../support/some_trace.ts";

const TRACES = 12;
const SPANS = 5;

async function send(server: ServerProcess, n: number): Promise<void> {
  const traceId = `ab${String(n).padStart(30, "0")}`;
  const trace = someTrace({ traceId, spans: SPANS, service: `service-${n % 3}` });
  const response = await fetch(server.otlpUrl, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf" },
    body: encodeOtlp(trace) as Uint8Array<ArrayBuffer>,
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

type Counts = Record<string, number>;

/** By service. */
async function instant(server: ServerProcess, q: string): Promise<Counts> {
  const url = `${server.url}/api/metrics/query?since=10m&q=${encodeURIComponent(q)}`;
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { series } = JSON.parse(text);
  return Object.fromEntries(
    series.map(({ labels, value }: { labels: Label[]; value: number }) => [
      labels[0]!.value.stringValue,
      value,
    ]),
  );
}

interface Label {
  readonly value: { readonly stringValue: string };
}

/** Counts of a range, added up. */
async function range(server: ServerProcess, q: string): Promise<number> {
  const url = `${server.url}/api/metrics/query_range?since=10m&q=${encodeURIComponent(q)}`;
  const { series } = await (await fetch(url)).json();
  return series.flatMap(({ samples }: { samples: { value?: number }[] }) => samples)
    .reduce((sum: number, { value }: { value?: number }) => sum + (value ?? 0), 0);
}

Deno.test("metrics count every span once: in memory, in blocks, in both, after a restart", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-metrics-" });
  const byService = "{} | count_over_time() by (resource.service.name)";
  const perService = TRACES * SPANS / 3;
  const expected = { "service-0": perService, "service-1": perService, "service-2": perService };
  const isWhole = (counts: Counts) => JSON.stringify(counts) === JSON.stringify(expected);
  const check = async (server: ServerProcess) => {
    assert.deepEqual(await eventually(() => instant(server, byService), isWhole), expected);
    assert.equal(await range(server, byService), TRACES * SPANS);
    const share = await instant(
      server,
      '({ resource.service.name = "service-1" } | rate()) / ({} | rate())',
    );
    assert.ok(Math.abs(Object.values(share)[0]! - 1 / 3) < 1e-9, JSON.stringify(share));
  };
  try {
    {
      await using server = await ServerProcess.start({ dir });
      for (let n = 0; n < TRACES / 2; n++) await send(server, n);
      const flushed = await fetch(`${server.url}/flush`, { method: "POST" });
      assert.ok(flushed.ok, String(flushed.status));
      await flushed.body?.cancel();
      for (let n = TRACES / 2; n < TRACES; n++) await send(server, n);
      await check(server);
      await server.kill();
    }
    await using server = await ServerProcess.start({ dir });
    await check(server);
    assert.equal(await server.stop(), 0, server.lines.join("\n"));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
