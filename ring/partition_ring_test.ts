import assert from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "../lib/errors.ts";
import {
  embeddedRing,
  PartitionRing,
  PartitionState,
  RingRouter,
  SpreadTokens,
  tenantPrefix,
  traceToken,
} from "./mod.ts";

interface Places {
  readonly all8active: number;
  readonly mixed8: number;
  readonly three: number;
}
const golden: {
  tokens: Record<string, number[]>;
  samples: (Places & { tenant: string; traceID: string; token: number })[];
  edge_tokens: (Places & { token: number })[];
} = JSON.parse(
  Deno.readTextFileSync(new URL("../tests/golden/kafka/ring.json", import.meta.url)),
);
const spread = new SpreadTokens();
const { Active, Inactive, Pending } = PartitionState;
const ringOf = (states: PartitionState[]) =>
  new PartitionRing(states.map((state, id) => ({ id, state, tokens: spread.of(id) })));
const rings = {
  all8active: embeddedRing(8, spread),
  mixed8: ringOf([Active, Active, Active, Inactive, Active, Pending, Inactive, Active]),
  three: embeddedRing(3, spread),
};

Deno.test("tokens of partitions 0 to 7 are Tempo's", () => {
  for (const [partition, tokens] of Object.entries(golden.tokens)) {
    assert.deepEqual([...spread.of(Number(partition))], tokens);
  }
});

Deno.test("tokens of many partitions are distinct and own nearly equal parts", () => {
  const many = embeddedRing(100, spread);
  const all = many.partitions.flatMap(({ id, tokens }) =>
    [...tokens].map((token) => ({ id, token }))
  );
  assert.equal(new Set(all.map(({ token }) => token)).size, 100 * 512);
  const owned = new Array<number>(100).fill(0);
  all.sort((a, b) => a.token - b.token).forEach(({ id, token }, i) => {
    owned[id]! += (token - all.at(i - 1)!.token + 2 ** 32) % 2 ** 32;
  });
  assert.ok(
    Math.max(...owned) / Math.min(...owned) < 1.02,
    `${Math.max(...owned) / Math.min(...owned)}`,
  );
});

Deno.test("sampled traces have Tempo's tokens and partitions", () => {
  assert.equal(golden.samples.length, 60);
  for (const { tenant, traceID, token, ...places } of golden.samples) {
    const id = Uint8Array.fromHex("ff" + traceID); // not at 0: ids are views into requests
    assert.equal(traceToken(tenantPrefix(tenant), id, 1), token);
    for (const [name, partition] of Object.entries(places)) {
      const router = new RingRouter(() => rings[name as keyof typeof rings]);
      assert.equal(router.partitionOf(tenant, id, 1), partition, `${name} ${traceID}`);
    }
  }
});

Deno.test("a key equal to a token belongs to the next token; keys wrap", () => {
  for (const { token, ...places } of golden.edge_tokens) {
    for (const [name, partition] of Object.entries(places)) {
      const ring = rings[name as keyof typeof rings];
      assert.equal(ring.activePartitionForKey(token), partition, `${name} ${token}`);
    }
  }
});

Deno.test("ring without an active partition refuses as unavailable", () => {
  assert.throws(() => ringOf([Inactive, Pending]).activePartitionForKey(1), UnavailableError);
  assert.throws(() => new PartitionRing([]).activePartitionForKey(1), UnavailableError);
});

Deno.test("Pending partitions are not read, Inactive ones are", () => {
  assert.deepEqual(rings.mixed8.readable().map(({ id }) => id), [0, 1, 2, 3, 4, 6, 7]);
});

Deno.test("any key goes where a walk along the ring leads", () => {
  const state = fc.constantFrom(Active, Inactive, Pending);
  const partitions = fc.uniqueArray(fc.nat({ max: 200 }), { minLength: 1, maxLength: 30 })
    .chain((tokens) =>
      fc.tuple(fc.constant(tokens), fc.array(state, { minLength: 5, maxLength: 5 }))
    );
  fc.assert(fc.property(partitions, fc.nat({ max: 210 }), ([tokens, states], key) => {
    const ring = new PartitionRing(states.map((state, id) => ({
      id,
      state,
      tokens: Uint32Array.from(tokens.filter((_, i) => i % 5 === id)).sort(),
    })));
    const walk = tokens.map((token, i) => ({ token, id: i % 5 }))
      .sort((a, b) => Number(a.token <= key) - Number(b.token <= key) || a.token - b.token);
    const found = walk.find(({ id }) => states[id] === Active);
    if (found) assert.equal(ring.activePartitionForKey(key), found.id);
    else assert.throws(() => ring.activePartitionForKey(key), UnavailableError);
  }));
});
