// A block with damaged pages fails that block only, and loudly.
import assert from "node:assert/strict";

import { blockTotals } from "../../bench/blocks_on_disk.ts";
import { eventually, findTrace, search } from "../support/query_client.ts";
import { type ServerPorts, ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

Deno.test("a damaged block fails the queries that need it, loudly, and no others", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-damaged-" });
  try {
    const [sound, damaged] = [randomTraceId(), randomTraceId()];
    const ports = await buildTwoBlocks(dir, sound, damaged);
    const blockId = damageBlockOf(dir, damaged);
    await using server = await ServerProcess.start({ dir, ports });

    const spans = await findTrace(server.url, sound);
    assert.equal(spans.length, 2, "the trace of the sound block");

    const answer = await fetch(`${server.url}/api/v2/traces/${damaged}`);
    const text = await answer.text();
    const isTold = answer.status >= 500 || /"status":\s*"PARTIAL"/.test(text);
    assert.ok(isTold, `the damage must show: ${answer.status} ${text}`);

    await assert.rejects(
      () => search(server.url, '{ span.which != "" }'),
      /500|corrupt|damaged|checksum/i,
      "a search that cannot read a block must not answer as if it had",
    );
    const { isRunning, lines } = server;
    assert.ok(isRunning);
    const line = lines.find((one) => one.includes(blockId));
    assert.ok(line !== undefined, `the log names the block ${blockId}:\n${lines.join("\n")}`);
    assert.equal((await findTrace(server.url, sound)).length, 2, "still there afterwards");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

/** The first trace in one block, the second in another. */
async function buildTwoBlocks(dir: string, first: string, second: string): Promise<ServerPorts> {
  await using server = await ServerProcess.start({ dir });
  let blocks = 0;
  for (const traceId of [first, second]) {
    const attributes = { which: traceId };
    const answer = await sendOtlp(server.otlpUrl, someTrace({ traceId, attributes }));
    assert.equal(answer.status, 200, answer.text);
    const flushed = await fetch(`${server.url}/flush`, { method: "POST" });
    await flushed.body?.cancel();
    blocks++;
    const totals = await eventually(
      () => blockTotals(`${dir}/data/blocks`),
      (totals) => totals.blocks === blocks,
    );
    assert.equal(totals.blocks, blocks, "blocks after a flush");
  }
  assert.equal(await server.stop(), 0);
  return server.ports;
}

/** Flips bits all over the pages of the block that holds the trace; answers the block's id. */
function damageBlockOf(dir: string, traceId: string): string {
  const blocksDir = `${dir}/data/blocks/single-tenant`;
  for (const { name } of Deno.readDirSync(blocksDir)) {
    const path = `${blocksDir}/${name}/data.parquet`;
    const bytes = Deno.readFileSync(path);
    // The id stands in the statistics of its column even where pages are compressed.
    if (!bytes.toHex().includes(traceId)) continue;
    const footerSize = new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
    const pagesEnd = bytes.length - 8 - footerSize;
    for (let at = 4; at < pagesEnd; at += 9) bytes[at]! ^= 0x10;
    Deno.writeFileSync(path, bytes);
    return name;
  }
  throw new Error(`no block holds ${traceId}`);
}
