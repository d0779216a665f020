// The number that a reference has at each position, NaN where it has none. Durations are nanoseconds.
// Rule: one value per span; an array of several, texts and truths are no number.

import type { AttributeValues, SpanView } from "../../../model/span_view.ts";
import type { Reference } from "../../traceql/mod.ts";
import { fieldReader } from "../field_values.ts";
import { eachPosition, type Positions } from "./label_column.ts";
import { bucketsOf } from "./metrics_loops.ts";

/** With `isWhole` floats are none either: they have no bucket. */
export async function numberColumn(
  view: SpanView,
  ref: Reference,
  at: Positions,
  isWhole: boolean,
): Promise<Float64Array> {
  if (ref.node === "intrinsic" && ref.name === "duration") {
    return ofRows(await view.durationNano(), at);
  }
  if (ref.node === "attribute" && (ref.scope === "span" || ref.scope === "any")) {
    const values = await view.attribute("span", ref.name, at.rows ? { owners: at.rows } : {});
    const numbers = ofAttribute(values, at, isWhole);
    if (ref.scope === "any") await addResources(view, ref, at, isWhole, values, numbers);
    return numbers;
  }
  return await readNumbers(view, ref, at, isWhole);
}

/** The power of two that the number at each position belongs to. */
export async function bucketColumn(
  view: SpanView,
  ref: Reference,
  { rows }: Positions,
  numbers: Float64Array,
): Promise<Uint8Array> {
  const isDuration = ref.node === "intrinsic" && ref.name === "duration";
  if (!isDuration || !view.isLasting) return bucketsOf(numbers);
  const whole = await view.derived("duration buckets", async () => {
    const durations = await view.durationNano();
    const value = bucketsOf(durations.subarray(0, view.spanCount));
    return { value, sizeBytes: value.byteLength };
  });
  if (rows === undefined) return whole;
  const buckets = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) buckets[i] = whole[rows[i]!]!;
  return buckets;
}

function ofRows(column: Float64Array, { rows, count }: Positions): Float64Array {
  if (rows === undefined) return column.subarray(0, count);
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i++) numbers[i] = column[rows[i]!]!;
  return numbers;
}

function ofAttribute(values: AttributeValues, at: Positions, isWhole: boolean): Float64Array {
  const numbers = new Float64Array(at.count).fill(NaN);
  const seen = new Uint8Array(at.count); // how many values, 2 for several
  const put = (i: number, value: number) => {
    numbers[i] = seen[i] === 0 ? value : NaN;
    seen[i] = 2;
  };
  const { strings, ints, doubles, bools } = values;
  if (ints !== undefined) {
    eachPosition(ints.owners, ints.length, at, (i, j) => {
      put(i, (ints.words[j * 2 + 1]! | 0) * 4294967296 + ints.words[j * 2]!);
    });
  }
  if (doubles !== undefined) {
    eachPosition(doubles.owners, doubles.length, at, (i, j) => {
      put(i, isWhole ? NaN : doubles.values[j]!);
    });
  }
  if (strings !== undefined) {
    eachPosition(strings.owners, strings.length, at, (i) => put(i, NaN));
  }
  if (bools !== undefined) eachPosition(bools.owners, bools.length, at, (i) => put(i, NaN));
  return numbers;
}

/** Where the span has none of its own. */
async function addResources(
  view: SpanView,
  ref: Extract<Reference, { node: "attribute" }>,
  at: Positions,
  isWhole: boolean,
  own: AttributeValues,
  numbers: Float64Array,
): Promise<void> {
  const shared = await view.attribute("resource", ref.name);
  if (shared.ints === undefined && shared.doubles === undefined) return;
  const hasOwn = new Uint8Array(at.count);
  eachPosition(own.owners, own.ownerCount, at, (i) => hasOwn[i] = 1);
  const resource = await readNumbers(view, { ...ref, scope: "resource" }, at, isWhole);
  for (let i = 0; i < at.count; i++) if (hasOwn[i] === 0) numbers[i] = resource[i]!;
}

async function readNumbers(
  view: SpanView,
  ref: Reference,
  { rows, count }: Positions,
  isWhole: boolean,
): Promise<Float64Array> {
  const read = await fieldReader(view, ref, {}, rows);
  const numbers = new Float64Array(count).fill(NaN);
  for (let i = 0; i < count; i++) {
    const values = read(rows === undefined ? i : rows[i]!);
    const [value] = values;
    if (values.length !== 1 || value === undefined) continue;
    const isNumber = value.type === "int" || value.type === "duration" ||
      (value.type === "float" && !isWhole);
    if (isNumber) numbers[i] = Number(value.value);
  }
  return numbers;
}
