// Sets of labels ("entities"), each met once: what several metrics of one thing have in common.
// Rules: an entity lives as long as series of it do; where there are as many as are allowed, a new one
// is OVERFLOW, whose only label says so; a label with as many values as are allowed takes no new ones,
// its value is then CARDINALITY_OVERFLOW, and the other labels stay. What lives counts, not what was.

import type { Label } from "./series.ts";
import type { RegistrySettings } from "./settings.ts";
import { DEMAND_WINDOWS, hashText, Sketch } from "./sketch.ts";

/** The entity of all that there is no room for. */
export const OVERFLOW = 0;
const OVERFLOW_LABELS: readonly Label[] = [["metric_overflow", "true"]];
/** Labels whose demand is estimated: with target_info, clients choose the names of some. */
const LABELS_MAX = 200;
const CARDINALITY_OVERFLOW = "__cardinality_overflow__";

export class LabelSets {
  /** Grows when numbers handed out before may mean something else: who keeps some compares it. */
  epoch = 0;
  #settings: RegistrySettings;
  readonly #numbers = new Map<string, number>();
  readonly #entities: (Entity | undefined)[] = [{ key: "", labels: OVERFLOW_LABELS, uses: 1 }];
  readonly #free: number[] = [];
  /** How many entities have a value, by label; only where values are limited. */
  #values = new Map<string, Map<string, number>>();
  /** By label, where values are limited: refusals, and how many values there would be. */
  readonly #valuesLimited = new Map<string, number>();
  readonly #valuesWanted = new Map<string, Sketch>();
  added = 0;
  removed = 0;
  /** Entities that there was no room for, each time that one was asked for. */
  limited = 0;

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  get active(): number {
    return this.#numbers.size;
  }

  configure(settings: RegistrySettings): void {
    this.#settings = settings;
    this.epoch++;
    this.#values = new Map();
    if (settings.labelValuesMax > 0) {
      for (const entity of this.#entities.slice(1)) this.#count(entity?.labels ?? [], 1);
    }
  }

  /** Labels without a value are none. Sorts `labels` and may change it. */
  intern(labels: Label[]): number {
    const set = this.#limited(labels);
    const key = keyOf(set);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const { activeMax } = this.#settings;
    // Where series are limited, entities are too: each has a series or is not worth keeping.
    if (activeMax > 0 && this.#numbers.size >= activeMax) {
      this.limited++;
      return OVERFLOW;
    }
    this.added++;
    const number = this.#free.pop() ?? this.#entities.length;
    this.#entities[number] = { key, labels: set, uses: 0 };
    this.#numbers.set(key, number);
    if (this.#settings.labelValuesMax > 0) this.#count(set, 1);
    return number;
  }

  labels(entity: number): readonly Label[] {
    return this.#entities[entity]!.labels;
  }

  retain(entity: number): void {
    this.#entities[entity]!.uses++;
  }

  /** The last one to release an entity ends it. */
  release(entity: number): void {
    if (--this.#entities[entity]!.uses === 0) this.#end(entity);
  }

  /** Ends those that no series came of. */
  endUnused(): void {
    for (let entity = 1; entity < this.#entities.length; entity++) {
      if (this.#entities[entity]?.uses === 0) this.#end(entity);
    }
  }

  /** A window of demand is over. */
  turn(): void {
    for (const sketch of this.#valuesWanted.values()) sketch.turn();
    this.epoch++;
  }

  labelStats(): { name: string; valuesLimited: number; demand: number }[] {
    return [...this.#valuesWanted].map(([name, sketch]) => ({
      name,
      valuesLimited: this.#valuesLimited.get(name) ?? 0,
      demand: sketch.estimate(),
    }));
  }

  #wanted(label: string): Sketch | undefined {
    let sketch = this.#valuesWanted.get(label);
    if (sketch === undefined && this.#valuesWanted.size < LABELS_MAX) {
      this.#valuesWanted.set(label, sketch = new Sketch(DEMAND_WINDOWS));
    }
    return sketch;
  }

  #end(entity: number): void {
    const { key, labels } = this.#entities[entity]!;
    this.#entities[entity] = undefined;
    this.#numbers.delete(key);
    this.#free.push(entity);
    this.removed++;
    if (this.#settings.labelValuesMax > 0) this.#count(labels, -1);
    this.epoch++;
  }

  #limited(labels: Label[]): Label[] {
    const { labelNameBytesMax, labelValueBytesMax, labelValuesMax } = this.#settings;
    const set = labels.filter(([, value]) => value !== "").map(([name, value]): Label => [
      cutToBytes(name, labelNameBytesMax),
      cutToBytes(value, labelValueBytesMax),
    ]);
    if (labelValuesMax > 0) {
      for (const [i, [name, value]] of set.entries()) {
        this.#wanted(name)?.add(hashText(value));
        const values = this.#values.get(name);
        if (values === undefined || values.has(value) || values.size < labelValuesMax) continue;
        set[i] = [name, CARDINALITY_OVERFLOW];
        if (this.#valuesWanted.has(name)) {
          this.#valuesLimited.set(name, (this.#valuesLimited.get(name) ?? 0) + 1);
        }
      }
    }
    // Names that were cut may have become one.
    return set.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
      .filter(([name], i, all) => i === 0 || name !== all[i - 1]![0]);
  }

  #count(labels: readonly Label[], change: 1 | -1): void {
    for (const [name, value] of labels) {
      if (value === CARDINALITY_OVERFLOW) continue;
      const values = this.#values.get(name) ?? new Map<string, number>();
      this.#values.set(name, values);
      const uses = (values.get(value) ?? 0) + change;
      if (uses === 0) values.delete(value);
      else values.set(value, uses);
    }
  }
}

interface Entity {
  readonly key: string;
  readonly labels: readonly Label[];
  /** Series of it. */
  uses: number;
}

/** Different for different sets, whatever the values contain. */
export function keyOf(labels: readonly Label[]): string {
  let key = "";
  for (const [name, value] of labels) key += `${name.length} ${name}${value.length} ${value}`;
  return key;
}

const encoder = new TextEncoder();

/** The longest beginning of whole characters that fits. */
export function cutToBytes(text: string, bytesMax: number): string {
  if (bytesMax === 0 || text.length * 3 <= bytesMax) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(bytesMax));
  return text.slice(0, read);
}
