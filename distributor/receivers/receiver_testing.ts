// A distributor that does as it is told, for tests of receivers.
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import type { Push } from "../distributor.ts";
import { defaultReceiverOptions, type Listener, type ServeReceiver } from "./listener.ts";
import type { ReceiverOptions } from "./listener.ts";

export interface TestReceiver extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly listener: Listener;
  readonly port: number;
  /** What the distributor was given; bytes are copies. */
  readonly pushes: Push[];
  /** What the next pushes do. */
  behave(push: (push: Push, signal: AbortSignal) => Promise<void>): void;
}

export async function receiverFor(
  serve: ServeReceiver,
  options: Partial<ReceiverOptions> = {},
): Promise<TestReceiver> {
  const runtime = createRuntime();
  const pushes: Push[] = [];
  let behaviour = (_push: Push, _signal: AbortSignal) => Promise.resolve();
  const distributor = {
    push(push: Push, signal: AbortSignal) {
      pushes.push({ ...push, bytes: Uint8Array.from(push.bytes) });
      return behaviour(push, signal);
    },
  };
  const listener = await serve(runtime, distributor, {
    ...defaultReceiverOptions,
    hostname: "127.0.0.1",
    port: 0,
    closeTimeoutMs: 5000,
    ...options,
  });
  return {
    runtime,
    listener,
    port: listener.port,
    pushes,
    behave: (push) => behaviour = push,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}
