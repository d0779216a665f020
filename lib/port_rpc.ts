// Calls between threads over a message port: requests, answers, typed errors, cancellation.
// Rule: an error keeps its kind across the port, because the kind decides what the caller does; a
// port that closes rejects what is still open, so nobody waits for a dead thread.
//
//   caller ── {call: 7, method, payload} ──▶ callee
//          ◀─ {done: 7, result} or {failed: 7, error} ──
//          ── {cancel: 7} ──▶                             when the caller's signal aborts

import { type ErrorData, fromError, toError } from "./error_data.ts";
import { InvariantError } from "./invariant.ts";

/** What a Worker, a worker's own scope and a MessagePort have in common. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

/** Answers a call; buffers in `transfer` move instead of being copied. */
export type Handler = (payload: never, signal: AbortSignal) => Promise<unknown> | unknown;

/** A result whose buffers move to the caller. */
export class Transferred<T> {
  constructor(readonly value: T, readonly transfer: Transferable[]) {}
}

type Message =
  | { readonly call: number; readonly method: string; readonly payload: unknown }
  | { readonly cancel: number }
  | { readonly done: number; readonly result: unknown }
  | { readonly failed: number; readonly error: ErrorData };

interface Open {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** One end of a port: calls the other end's handlers and answers with its own. */
export class RpcPeer {
  #nextCall = 1;
  #closedBecause: Error | undefined;
  readonly #open = new Map<number, Open>();
  readonly #running = new Map<number, AbortController>();

  constructor(readonly port: Port, readonly handlers: Readonly<Record<string, Handler>>) {
    port.addEventListener("message", ({ data }) => this.#receive(data as Message));
  }

  async call<T>(
    method: string,
    payload: unknown,
    signal?: AbortSignal,
    transfer: Transferable[] = [],
  ): Promise<T> {
    if (this.#closedBecause !== undefined) throw this.#closedBecause;
    signal?.throwIfAborted();
    const call = this.#nextCall++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = () => {
      this.#open.delete(call);
      this.port.postMessage({ cancel: call });
      reject(signal!.reason);
    };
    this.#open.set(call, { resolve, reject });
    signal?.addEventListener("abort", cancel, { once: true });
    this.port.postMessage({ call, method, payload }, transfer);
    try {
      return await promise as T;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** The other end is gone: every open call fails with this error, and so do later ones. */
  close(because: Error): void {
    this.#closedBecause ??= because;
    for (const { reject } of this.#open.values()) reject(because);
    this.#open.clear();
    for (const controller of this.#running.values()) controller.abort(because);
    this.#running.clear();
  }

  #receive(message: Message): void {
    if ("call" in message) void this.#answer(message.call, message.method, message.payload);
    else if ("cancel" in message) this.#running.get(message.cancel)?.abort();
    else if ("done" in message) this.#take(message.done)?.resolve(message.result);
    else if ("failed" in message) this.#take(message.failed)?.reject(toError(message.error));
  }

  #take(call: number): Open | undefined {
    const open = this.#open.get(call);
    this.#open.delete(call);
    return open;
  }

  async #answer(call: number, method: string, payload: unknown): Promise<void> {
    const controller = new AbortController();
    this.#running.set(call, controller);
    try {
      const handler = this.handlers[method];
      if (handler === undefined) throw new InvariantError(`RPC-1: no method ${method}`);
      const result = await handler(payload as never, controller.signal);
      if (result instanceof Transferred) {
        this.port.postMessage({ done: call, result: result.value }, result.transfer);
      } else this.port.postMessage({ done: call, result });
    } catch (error) {
      this.port.postMessage({ failed: call, error: fromError(error) });
    } finally {
      this.#running.delete(call);
    }
  }
}
