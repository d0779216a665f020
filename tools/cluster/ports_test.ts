import assert from "node:assert/strict";

import { membersInZones } from "../../tests/support/fleet.ts";
import { allPorts, clusterPorts } from "./ports.ts";

const names = (partitions: number, zones: readonly string[]) =>
  membersInZones(partitions, zones).map(({ name }) => name);

Deno.test("whom clients speak to stays where it is, however many partitions and zones there are", () => {
  const expected = new Map([["query-frontend-zone-a", 20_210], ["distributor-zone-a", 20_230]]);
  for (const [partitions, zones] of [[1, ["zone-a"]], [9, ["zone-a", "zone-b"]]] as const) {
    const all = names(partitions, zones);
    const { members } = clusterPorts(20_200, all);
    for (const [name, port] of expected) assert.equal(members[all.indexOf(name)]!.http, port);
  }
  assert.deepEqual(clusterPorts(20_200, ["distributor-zone-b"]).members, [{
    http: 20_240,
    grpc: 20_241,
    otlpGrpc: 20_242,
    otlpHttp: 20_243,
    gossip: 20_244,
  }]);
});

Deno.test("no port is given twice", () => {
  const all = names(16, ["zone-a", "zone-b"]);
  const ports = allPorts(clusterPorts(20_200, all));
  assert.equal(ports.length, 3 + all.length * 5);
  assert.equal(new Set(ports).size, ports.length);
});
