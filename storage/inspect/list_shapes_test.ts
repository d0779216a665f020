import assert from "node:assert/strict";
import fc from "fast-check";
import { Column } from "../parquet/column.ts";
import { ByteArrays } from "../parquet/byte_arrays.ts";
import { PhysicalType } from "../parquet/metadata.ts";
import { ListShapes } from "./list_shapes.ts";

const LISTS = [{ path: "a", repetition: 1, definition: 1 }, {
  path: "a.b",
  repetition: 2,
  definition: 2,
}];

function columnOf(path: string, levels: readonly (readonly [number, number])[], max = 2): Column {
  const leaf = { path, type: PhysicalType.Int32, repetitionMax: max, definitionMax: max };
  const column = new Column(leaf, new ByteArrays());
  column.reserve(levels.length, 0);
  column.entryCount = levels.length;
  levels.forEach(([r, d], i) => {
    column.repetition[i] = r;
    column.definition[i] = d;
  });
  return column;
}

Deno.test("columns of a list agree, whatever lies below its elements", () => {
  const shapes = new ListShapes();
  // Two rows: [[x, y], []] and [].
  const levels = [[0, 2], [2, 2], [1, 1], [0, 0]] as const;
  assert.deepEqual(shapes.add(columnOf("a.b.x", levels), LISTS), []);
  assert.deepEqual(shapes.add(columnOf("a.b.y", levels), LISTS), []);
  // One value per element of a, and several values below an element of b.
  assert.deepEqual(shapes.add(columnOf("a.z", [[0, 1], [1, 1], [0, 0]]), LISTS.slice(0, 1)), []);
  const deep = [[0, 3], [3, 3], [2, 2], [1, 1], [0, 0]] as const;
  assert.deepEqual(shapes.add(columnOf("a.b.w", deep, 3), LISTS), []);
});

Deno.test("a column with an element too few, or one in another row, disagrees about that list alone", () => {
  const shapes = new ListShapes();
  shapes.add(columnOf("a.b.x", [[0, 2], [2, 2], [0, 2]]), LISTS);
  const [few, ...none] = shapes.add(columnOf("a.b.y", [[0, 2], [0, 2]]), LISTS);
  assert.deepEqual(none, []);
  assert.deepEqual(few, { list: "a.b", other: "a.b.x", elements: 2, otherElements: 3 });
  const [moved] = shapes.add(columnOf("a.b.z", [[0, 2], [0, 2], [2, 2]]), LISTS);
  assert.deepEqual([moved?.list, moved?.elements, moved?.otherElements], ["a.b", 3, 3]);
});

Deno.test("any change of a level that the list can see is seen", () => {
  const entry = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }));
  fc.assert(fc.property(
    fc.array(entry, { minLength: 1, maxLength: 50 }),
    fc.nat(),
    entry,
    (levels, at, other) => {
      const changed = levels.slice();
      changed[at % levels.length] = other;
      const isSame = String(changed) === String(levels);
      const shapes = new ListShapes();
      const whole = [{ path: "a.b", repetition: 2, definition: 2 }];
      shapes.add(columnOf("x", levels), whole);
      assert.equal(shapes.add(columnOf("y", changed), whole).length, isSame ? 0 : 1);
    },
  ));
});
