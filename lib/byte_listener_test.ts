import assert from "node:assert/strict";
import { listenTcp } from "./byte_listener.ts";

Deno.test("connections come one by one until it is closed, which may be said twice", async () => {
  const listener = listenTcp("127.0.0.1", 0);
  const sizes: (number | null)[] = [];
  const taking = (async () => {
    for await (const conn of listener) {
      sizes.push(await conn.read(new Uint8Array(10)));
      conn.close();
    }
  })();
  for (const size of [1, 2]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    await conn.write(new Uint8Array(size));
    assert.equal(await conn.read(new Uint8Array(1)).catch(() => null), null);
  }
  listener.close();
  listener.close();
  await taking;
  assert.deepEqual(sizes, [1, 2]);
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: listener.port }));
});
