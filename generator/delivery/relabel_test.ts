import assert from "node:assert/strict";

import { InputError } from "../../lib/errors.ts";
import type { Label } from "../series.ts";
import { Relabelling, type RelabelRule } from "./relabel.ts";

const LABELS = { __name__: "calls_total", job: "shop/cart", service: "Cart", span_name: "GET /" };

const rule = (changes: Partial<RelabelRule>): RelabelRule => ({
  sourceLabels: [],
  separator: ";",
  regex: "(.*)",
  modulus: 0,
  targetLabel: "",
  replacement: "$1",
  action: "replace",
  ...changes,
});

/** The changes that rules make; undefined where the series is not sent. */
function changed(...rules: Partial<RelabelRule>[]): Record<string, string | null> | undefined {
  const labels = Object.entries(LABELS) as Label[];
  const result = new Relabelling(rules.map(rule)).apply(labels);
  if (result === undefined) return undefined;
  assert.deepEqual([...result].map(([name]) => name), result.map(([name]) => name).sort());
  const made: Record<string, string | null> = Object.fromEntries(result);
  for (const [name, value] of Object.entries(LABELS)) {
    if (made[name] === value) delete made[name];
    else made[name] ??= null;
  }
  return made;
}

Deno.test("replace: by groups, by names, into names, only where all of it matches", () => {
  const job = { sourceLabels: ["job"], regex: "(.+)/(?P<name>.+)" };
  assert.deepEqual(changed({ ...job, targetLabel: "ns" }), { ns: "shop" });
  assert.deepEqual(changed({ ...job, targetLabel: "x", replacement: "${2}-${1}-$$" }), {
    x: "cart-shop-$",
  });
  assert.deepEqual(changed({ ...job, targetLabel: "x", replacement: "$name" }), { x: "cart" });
  assert.deepEqual(changed({ ...job, targetLabel: "of_$1", replacement: "y" }), { of_shop: "y" });
  assert.deepEqual(changed({ sourceLabels: ["job"], regex: "shop", targetLabel: "x" }), {});
  assert.deepEqual(
    changed({ sourceLabels: ["service", "none", "span_name"], targetLabel: "x", separator: "|" }),
    { x: "Cart||GET /" },
  );
  assert.deepEqual(changed({ targetLabel: "service", replacement: "" }), { service: null });
});

Deno.test("keep and drop, by expression and by equality", () => {
  const cart = { sourceLabels: ["service"], regex: "Cart|Shop" };
  assert.deepEqual(changed({ ...cart, action: "keep" }), {});
  assert.equal(changed({ ...cart, action: "drop" }), undefined);
  assert.equal(changed({ ...cart, regex: "Car", action: "keep" }), undefined);
  const equal = { sourceLabels: ["service"], targetLabel: "same" };
  assert.equal(changed({ ...equal, action: "keepequal" }), undefined);
  assert.deepEqual(changed({ ...equal, action: "dropequal" }), {});
  const copied = { sourceLabels: ["service"], targetLabel: "same" };
  assert.equal(changed(copied, { ...equal, action: "dropequal" }), undefined);
});

Deno.test("labels by their names: mapped, dropped, kept", () => {
  assert.deepEqual(changed({ action: "labelmap", regex: "span_(.+)", replacement: "the_$1" }), {
    the_name: "GET /",
  });
  assert.deepEqual(changed({ action: "labeldrop", regex: "span_.*|job" }), {
    span_name: null,
    job: null,
  });
  assert.deepEqual(changed({ action: "labelkeep", regex: "__name__|job" }), {
    span_name: null,
    service: null,
  });
});

Deno.test("cases and hashes", () => {
  const of = { sourceLabels: ["service"], targetLabel: "x" };
  assert.deepEqual(changed({ ...of, action: "lowercase" }), { x: "cart" });
  assert.deepEqual(changed({ ...of, action: "uppercase" }), { x: "CART" });
  const { x } = changed({ ...of, action: "hashmod", modulus: 1000 })!;
  assert.match(x!, /^\d{1,3}$/);
  assert.deepEqual(
    changed({ sourceLabels: ["foo"], targetLabel: "x", action: "hashmod", modulus: 10 }),
    { x: "8" }, // md5 of nothing ends in e9800998ecf8427e
  );
});

Deno.test("what makes no sense is refused", () => {
  const bad: Partial<RelabelRule>[] = [
    { action: "keep", regex: "(" },
    { action: "replace", targetLabel: "" },
    { action: "replace", targetLabel: "a-b" },
    { action: "hashmod", targetLabel: "x" },
    { action: "lowercase", targetLabel: "1" },
    { action: "keep", regex: "a(?=b)" },
  ];
  for (const one of bad) {
    assert.throws(() => new Relabelling([rule(one)]), InputError, JSON.stringify(one));
  }
});
