// Where metrics are delivered to and how, as plain data: one entry of `remote_write`.
import type { RelabelRule } from "./relabel.ts";

/** What is in a file is read anew for each request: it may be rotated. */
export type Secret =
  | { readonly from: "value"; readonly text: string }
  | { readonly from: "file"; readonly path: string };

export type EndpointAuth =
  | { readonly kind: "basic"; readonly username: Secret; readonly password: Secret }
  | { readonly kind: "header"; readonly type: string; readonly credentials: Secret };

export interface EndpointTls {
  /** PEM, here and below; undefined: the system's authorities. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly isUnverified: boolean;
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3" | undefined;
}

export interface EndpointSettings {
  /** Unique among the endpoints; what is acknowledged is kept under it. */
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: EndpointAuth | undefined;
  readonly tls: EndpointTls | undefined;
  readonly timeoutMs: number;
  readonly sendsExemplars: boolean;
  readonly sendsNativeHistograms: boolean;
  readonly relabelling: readonly RelabelRule[];
  readonly queue: {
    /** Of one request; a series is not divided. */
    readonly samplesMax: number;
    /** Requests at a time, all of one collection. */
    readonly atOnce: number;
    readonly backoffMinMs: number;
    readonly backoffMaxMs: number;
    readonly retriesOn429: boolean;
    /** Older points are not sent; 0: however old. */
    readonly ageMaxMs: number;
  };
}
