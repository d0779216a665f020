import assert from "node:assert/strict";
import { createServer } from "node:http";
import { UnavailableError } from "../../lib/errors.ts";
import { tokenOf } from "./kafka_settings.ts";

Deno.test("a token comes from the value, a file as it is now, or a server on a socket", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/token`;
  const socket = `${dir}/socket`;
  let answer = { status: 200, text: '{"token":"of the server"}' };
  const server = createServer((_, response) => {
    response.writeHead(answer.status);
    response.end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    assert.equal(await tokenOf({ from: "value", token: "as it is" }), "as it is");

    await assert.rejects(tokenOf({ from: "file", path: file }), UnavailableError);
    await Deno.writeTextFile(file, "first\n");
    assert.equal(await tokenOf({ from: "file", path: file }), "first");
    await Deno.writeTextFile(file, '{"token": "second"}');
    assert.equal(await tokenOf({ from: "file", path: file }), "second");
    for (const bad of ["", "{", "{}", '{"token": 1}']) {
      await Deno.writeTextFile(file, bad);
      await assert.rejects(tokenOf({ from: "file", path: file }), /has no token/);
    }

    const source = { from: "socket", path: socket, timeoutMs: 2_000 } as const;
    assert.equal(await tokenOf(source), "of the server");
    answer = { status: 500, text: "" };
    await assert.rejects(tokenOf(source), /HTTP 500/);
    await assert.rejects(tokenOf({ ...source, path: `${dir}/nobody` }), UnavailableError);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await Deno.remove(dir, { recursive: true });
  }
});
