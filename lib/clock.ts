// Time as the program sees it. Production reads the operating system; simulation steps by hand.
// Rule: nothing but this file touches the real clock, so that a whole cluster can be simulated.

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds of a clock that never steps back; only differences mean anything. */
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): number;
  clearTimeout(id: number): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) as unknown as number,
  clearTimeout: (id) => clearTimeout(id),
};

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  callback: (() => void) | undefined;
}

/**
 * A clock that moves only when told to; ties fire in the order they were set. Timers lie in a heap, so that a
 * simulated cluster may have thousands of them.
 */
export class SimulatedClock implements Clock {
  #nowMs: number;
  #nextId = 1;
  /** Each before its children, which are at 2i + 1 and 2i + 2. */
  readonly #heap: Timer[] = [];
  /** Those that still fire. */
  readonly #pending = new Map<number, Timer>();
  readonly #settle: () => Promise<void>;

  /** `settle`: lets what a timer began go on until it waits again. */
  constructor(startMs = 0, settle: () => Promise<void> = settleMicrotasks) {
    this.#nowMs = startMs;
    this.#settle = settle;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    const id = this.#nextId++;
    const timer = { id, dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#pending.set(id, timer);
    this.#push(timer);
    return id;
  }

  clearTimeout(id: number): void {
    const timer = this.#pending.get(id);
    if (timer === undefined) return;
    this.#pending.delete(id);
    timer.callback = undefined; // it leaves the heap when its time comes, and holds nothing until then
  }

  /** Moves time forward, firing due timers one by one and letting promises settle between. */
  async advance(byMs: number): Promise<void> {
    const targetMs = this.#nowMs + byMs;
    await this.#settle(); // Code just started has yet to set its timers.
    for (let timer = this.#heap[0]; timer && timer.dueMs <= targetMs; timer = this.#heap[0]) {
      this.#pop();
      if (timer.callback === undefined) continue;
      this.#pending.delete(timer.id);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await this.#settle();
    }
    this.#nowMs = Math.max(this.#nowMs, targetMs);
    await this.#settle();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || a.dueMs === b.dueMs && a.id < b.id;
}

/** Lets microtasks run; enough for code that awaits no real I/O. */
async function settleMicrotasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
