// The life of one instance in a ring: it registers, beats, and leaves.
// Rules: an instance that finds itself removed though it lives writes itself anew, and says so if it was
// another process of its name that wrote; one that stops says LEAVING first, so that nobody asks it, and
// is removed when it has ended.
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { ReplicatedMap } from "./gossip/replicated_map.ts";
import { type Instance, instanceId, readInstance, writeInstance } from "./ring_entries.ts";

export interface InstanceOptions {
  readonly ring: string;
  readonly id: string;
  readonly address: string;
  readonly zone: string;
  readonly gossip: string;
  readonly heartbeatMs: number;
}

export class InstanceLifecycler {
  #state: Instance["state"] = "JOINING";
  readonly #registeredMs: number;
  #isRegistered = false;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly map: ReplicatedMap,
    readonly options: InstanceOptions,
  ) {
    this.#registeredMs = runtime.clock.now();
  }

  /** Beats until the signal aborts; then it is gone from the ring. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    while (!signal.aborted) {
      this.beat();
      await sleep(clock, this.options.heartbeatMs, signal);
    }
    this.map.remove(instanceId(this.options.ring, this.options.id), clock.now());
  }

  activate(): void {
    this.#change("ACTIVE");
  }

  leave(): void {
    this.#change("LEAVING");
  }

  beat(): void {
    const { ring, id } = this.options;
    const known = readInstance(this.map, ring, id);
    const isOfThisLife = known?.registeredMs === this.#registeredMs;
    if (known !== undefined && !isOfThisLife && this.#isRegistered) {
      const { address } = known;
      this.runtime.log.warn("two processes of a ring have one instance_id", { ring, id, address });
    }
    if (!isOfThisLife || known.state !== this.#state) this.#write();
    this.#isRegistered = true;
    const name = instanceId(ring, id);
    // Of a clock that stepped back, or of a former life that ran ahead: a heartbeat only grows.
    const seconds = Math.floor(this.runtime.clock.now() / 1000);
    this.map.mergeBeat(name, Math.max(seconds, this.map.beat(name) + 1));
  }

  #change(state: Instance["state"]): void {
    this.#state = state;
    this.beat();
  }

  #write(): void {
    const { ring, id, address, zone, gossip } = this.options;
    const instance: Instance = {
      id,
      state: this.#state,
      address,
      zone,
      registeredMs: this.#registeredMs,
      gossip,
    };
    writeInstance(this.map, ring, instance, this.runtime.clock.now());
  }
}
