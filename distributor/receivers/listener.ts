// What every receiver is: an open port that hands requests to the distributor.
import type { Distributor } from "../distributor.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { ServerTls } from "../../lib/tls_listener.ts";

/** Disposing stops accepting, waits for the requests in flight, but not longer than it was told. */
export interface Listener extends AsyncDisposable {
  readonly port: number;
}

export interface ReceiverOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Of a request, compressed and decompressed. */
  readonly bodyBytesMax: number;
  readonly multitenancyEnabled: boolean;
  /** How long to wait for requests in flight when stopping. */
  readonly closeTimeoutMs: number;
  /** Undefined: in the clear. */
  readonly tls?: ServerTls | undefined;
}

export const defaultReceiverOptions: Omit<ReceiverOptions, "port"> = {
  hostname: "localhost",
  bodyBytesMax: 16 << 20,
  multitenancyEnabled: false,
  closeTimeoutMs: 30_000,
};

export type ServeReceiver = (
  runtime: Runtime,
  distributor: Distributor,
  options: ReceiverOptions,
) => Promise<Listener>;
