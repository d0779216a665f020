// The clients of a simulated cluster: they send traces to any distributor, try again what was refused or not
// answered, and remember what was acknowledged.
import type { Clock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import { traceMessage } from "../support/records.ts";
import type { Checks } from "./cluster_checks.ts";
import { TENANT } from "./cluster_ground.ts";
import type { Message } from "./cluster_messages.ts";
import type { Network } from "./cluster_network.ts";
import { Place } from "./cluster_place.ts";
import { TIMES } from "./cluster_times.ts";

const NEVER = new AbortController().signal;
const ATTEMPTS_MAX = 8;
const TRACES = 2_000;

export class Clients {
  readonly place: Place;
  refused = 0;
  waiting = 0;
  #spans = 0;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly network: Network,
    readonly checks: Checks,
    readonly distributors: readonly string[],
    readonly tell: (event: string) => void,
  ) {
    this.place = new Place("clients", "outside", clock, { aheadMs: 0, rate: 1 }, random);
  }

  /** One to three traces; nobody waits for it. */
  send(): void {
    const startMs = Math.floor(this.clock.now());
    const traces = Array.from({ length: 1 + this.#below(3) }, () => ({
      trace: this.#below(TRACES),
      spans: Array.from({ length: 1 + this.#below(4) }, () => this.#spans++),
      startUnixNano: BigInt(startMs) * 1_000_000n,
    }));
    const messages = traces.map((trace) => traceMessage(trace).bytes);
    const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
    messages.reduce((at, message) => (bytes.set(message, at), at + message.length), 0);
    this.waiting++;
    void this.#push(bytes).then((isAcknowledged) => {
      this.waiting--;
      if (!isAcknowledged) return;
      const ackedMs = this.clock.now();
      for (const { trace, spans } of traces) {
        for (const span of spans) {
          this.checks.acknowledged.set(span, { span, trace, ackedMs, startMs });
        }
      }
      this.tell(`acknowledged ${traces.map(({ trace, spans }) => `${trace}:${spans.join()}`)}`);
    });
  }

  async #push(bytes: Uint8Array): Promise<boolean> {
    const push = { tenant: TENANT, bytes, receiver: "otlp/sim", transport: "http" as const };
    const message: Message = { kind: "push", push };
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const to = this.distributors[this.#below(this.distributors.length)]!;
      try {
        await this.network.ask(this.place, to, message, TIMES.askMs);
        return true;
      } catch (error) {
        if (error instanceof InputError) throw error; // nothing is wrong with what is sent
        this.refused++;
      }
      await sleep(this.clock, 1_000 * attempt * (0.5 + this.random.next()), NEVER);
    }
    return false;
  }

  #below(n: number): number {
    return Math.floor(this.random.next() * n);
  }
}
