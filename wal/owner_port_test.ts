import assert from "node:assert/strict";

import { RpcPeer } from "../lib/port_rpc.ts";
import type { LogDamage, LogOwner } from "./durable_state.ts";
import { ownerBehind, ownerHandlers } from "./owner_port.ts";

Deno.test("a reader in another thread commits, asks what is committed, and reports damage", async () => {
  const committed = new Map<string, number>();
  const damages: LogDamage[] = [];
  const log: LogOwner = {
    commit: (group, partition, offset) => {
      committed.set(`${group} ${partition}`, offset);
      return Promise.resolve();
    },
    committedOffset: (group, partition) => Promise.resolve(committed.get(`${group} ${partition}`)),
    reportDamage: (damage) => void damages.push(damage),
  };
  const { port1, port2 } = new MessageChannel();
  new RpcPeer(port1, ownerHandlers(log));
  const owner = ownerBehind(new RpcPeer(port2, {}));
  port1.start();
  port2.start();
  try {
    assert.equal(await owner.committedOffset("g", 1), undefined);
    const damage = { segment: 1, file: "a.log", fromByte: 8, toByte: 16, reason: "a false byte" };
    owner.reportDamage(damage);
    await owner.commit("g", 1, 7);
    assert.equal(await owner.committedOffset("g", 1), 7);
    assert.equal(await owner.committedOffset("g", 2), undefined);
    assert.deepEqual(damages, [damage]);
  } finally {
    port1.close();
    port2.close();
  }
});
