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
  shuffle_shard: { tenant: string; size: number; all8active: number[]; mixed8: number[] }[];
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

Deno.test("the shards of tenants are Tempo's", () => {
  assert.equal(golden.shuffle_shard.length, 48);
  for (const { tenant, size, ...expected } of golden.shuffle_shard) {
    for (const name of ["all8active", "mixed8"] as const) {
      const members = size === 0 ? activeOf(rings[name]) : shardOf(rings[name], tenant, size);
      assert.deepEqual(members, expected[name], `${name}, ${size} of ${tenant}`);
    }
  }
});

const activeOf = (ring: PartitionRing) =>
  ring.partitions.filter(({ state }) => state === Active).map(({ id }) => id);
const shardOf = (ring: PartitionRing, tenant: string, size: number) => {
  const shard = ring.shardOf(tenant, size);
  return ring.partitions.filter((_, i) => shard[i] === 1).map(({ id }) => id);
};
const someStates = fc.array(fc.constantFrom(Active, Active, Active, Inactive, Pending), {
  minLength: 1,
  maxLength: 24,
});
const without = (from: number[], those: number[]) => from.filter((id) => !those.includes(id));

Deno.test("a shard has its size where there are so many, and one more of size has one more partition", () => {
  fc.assert(
    fc.property(someStates, fc.string(), fc.nat(24), (states, tenant, size) => {
      const ring = ringOf(states);
      const [shard, larger] = [shardOf(ring, tenant, size), shardOf(ring, tenant, size + 1)];
      const active = activeOf(ring);
      assert.equal(shard.length, Math.min(size, active.length));
      assert.deepEqual(without(shard, active), []);
      assert.deepEqual(without(shard, larger), []);
      assert.equal(larger.length, Math.min(size + 1, active.length));
    }),
    { numRuns: 60 },
  );
});

Deno.test("a partition that comes or goes changes one member of a shard at most", () => {
  fc.assert(
    fc.property(someStates, fc.string(), fc.nat(24), fc.nat(24), (states, tenant, size, at) => {
      const before = shardOf(ringOf(states), tenant, size);
      const changed = states.with(
        at % states.length,
        states[at % states.length] === Active ? Inactive : Active,
      );
      for (const after of [changed, [...states, Active]]) {
        const members = shardOf(ringOf(after), tenant, size);
        assert.ok(without(members, before).length <= 1, `${before} became ${members}`);
        assert.ok(without(before, members).length <= 1, `${before} became ${members}`);
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("a tenant with a shard writes to it alone, wherever the other tenants write", () => {
  const sizes = new Map([["a", 2], ["b", 0], ["c", 5]]);
  const names = [...sizes.keys()];
  const some = fc.array(
    fc.tuple(fc.constantFrom(...names), fc.uint8Array({ minLength: 16, maxLength: 16 })),
  );
  fc.assert(
    fc.property(some, someStates, (traces, states) => {
      fc.pre(states.includes(Active));
      let ring = rings.all8active;
      const router = new RingRouter(() => ring, (tenant) => sizes.get(tenant)!);
      for (const now of [rings.all8active, ringOf(states)]) {
        ring = now;
        for (const [tenant, id] of traces) {
          const partition = router.partitionOf(tenant, id, 0);
          const size = sizes.get(tenant)!;
          const members = size === 0 ? activeOf(ring) : shardOf(ring, tenant, size);
          assert.ok(members.includes(partition));
          const inside = ringOfSome(ring, members);
          assert.equal(
            partition,
            inside.activePartitionForKey(traceToken(tenantPrefix(tenant), id, 0)),
          );
        }
      }
    }),
    { numRuns: 8 },
  );
});

const ringOfSome = (ring: PartitionRing, members: number[]) =>
  new PartitionRing(ring.partitions.filter(({ id }) => members.includes(id)));

Deno.test("the size of a tenant's shard may change at any time", () => {
  let size = 1;
  const router = new RingRouter(() => rings.all8active, () => size);
  const taken = () => {
    const ids = Array.from(
      { length: 300 },
      (_, i) => Uint8Array.from({ length: 16 }, () => i * 37),
    );
    return new Set(ids.map((id) => router.partitionOf("team-a", id, 0))).size;
  };
  const seen: number[] = [];
  for (size of [1, 3, 0, 2]) seen.push(taken());
  assert.deepEqual(seen, [1, 3, 8, 2]);
});

Deno.test("a shard of nobody is refused as a ring without Active partitions is", () => {
  const router = new RingRouter(() => ringOf([Inactive, Pending]), () => 2);
  assert.throws(() => router.partitionOf("a", new Uint8Array(16), 0), UnavailableError);
  const empty = new RingRouter(() => new PartitionRing([]), () => 2);
  assert.throws(() => empty.partitionOf("a", new Uint8Array(16), 0), UnavailableError);
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
