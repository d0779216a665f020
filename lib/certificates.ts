// A certificate, its key, and the authorities by which others are believed: PEM that somebody else puts on disk,
// and puts there anew before it expires.
// Rules: what cannot be used is refused at the start by the name of its key. Later it is told and not taken, and the
// former goes on: half of a renewal, a certificate without its key yet, must not end a process that runs.
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Clock } from "./clock.ts";
import { InputError } from "./errors.ts";
import type { Logger } from "./log.ts";
import type { Gauge, Metrics } from "./metrics.ts";

/** Where a text in PEM comes from. */
export interface PemSource {
  /** Of the key that names it, for who reads a refusal. */
  readonly name: string;
  /** Each time it is asked: whatever is there now. */
  read(): string;
}

export interface CertificateSources {
  /** With its key, or neither. What others are to be told by it. */
  readonly cert?: PemSource | undefined;
  readonly key?: PemSource | undefined;
  /** One or more certificates. */
  readonly ca?: PemSource | undefined;
}

/** PEM, as far as it was given. */
export interface Pem {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
}

export interface CertificateWorld {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** How long a new certificate may lie there unused. */
export const RENEWED_WITHIN_MS = 10_000;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export class Certificates implements Disposable {
  readonly #listeners = new Set<() => void>();
  readonly #expires: Gauge<"of">;
  #current: Pem;
  /** What was told of already; told again only once it is another. */
  #refused = "";
  #timer: number | undefined;

  /** Throws InputError. `name`: of the section that they are for. */
  constructor(
    readonly world: CertificateWorld,
    readonly name: string,
    readonly sources: CertificateSources,
  ) {
    this.#expires = world.metrics.gauge(
      "segno_tls_certificate_expires_timestamp_seconds",
      "When the certificate in use expires, by the configuration section that it is for",
      ["of"],
    );
    this.#current = this.#read();
    this.#tellExpiry();
    this.#wait();
  }

  get current(): Pem {
    return this.#current;
  }

  /** Called after there are others; returns what ends that. */
  onRenewed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks whether there are others. Never throws. */
  refresh(): void {
    let found: Pem;
    try {
      found = this.#read();
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#refused) {
        this.world.log.warn("a renewed certificate is not taken", { error: reason });
      }
      this.#refused = reason;
      return;
    }
    this.#refused = "";
    const { cert, key, ca } = this.#current;
    if (found.cert === cert && found.key === key && found.ca === ca) return;
    this.#current = found;
    this.#tellExpiry();
    this.world.log.info("certificate renewed", { of: this.name });
    for (const listener of this.#listeners) listener();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== undefined) this.world.clock.clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #wait(): void {
    this.#timer = this.world.clock.setTimeout(() => {
      this.refresh();
      this.#wait();
    }, RENEWED_WITHIN_MS);
  }

  #read(): Pem {
    const { cert, key, ca } = this.sources;
    const pem = { cert: textOf(cert), key: textOf(key), ca: textOf(ca) };
    if (cert !== undefined) checkPair(cert, pem.cert!, key, pem.key);
    else if (key !== undefined) throw refused(key, "is a key without its certificate");
    if (ca !== undefined) certificatesIn(ca, pem.ca!);
    return pem;
  }

  #tellExpiry(): void {
    const { cert } = this.#current;
    if (cert === undefined) return;
    this.#expires.labels(this.name).set(new X509Certificate(cert).validToDate.getTime() / 1000);
  }
}

function textOf(source: PemSource | undefined): string | undefined {
  if (source === undefined) return undefined;
  try {
    return source.read();
  } catch (error) {
    throw refused(source, `cannot be read: ${(error as Error).message}`, error);
  }
}

function checkPair(
  certSource: PemSource,
  cert: string,
  keySource: PemSource | undefined,
  key: string | undefined,
): void {
  const [own] = certificatesIn(certSource, cert);
  if (keySource === undefined) throw refused(certSource, "is a certificate without its key");
  let isPair: boolean;
  try {
    isPair = own!.checkPrivateKey(createPrivateKey(key!));
  } catch (error) {
    throw refused(keySource, "holds no private key in PEM", error);
  }
  if (!isPair) throw refused(keySource, `is not the key of ${certSource.name}`);
}

/** At least one: a text without any would mean that whoever is trusted by the system is. */
function certificatesIn(source: PemSource, text: string): X509Certificate[] {
  try {
    const found = [...text.matchAll(CERTIFICATE)].map(([pem]) => new X509Certificate(pem));
    if (found.length > 0) return found;
  } catch (error) {
    throw refused(source, "holds a certificate that cannot be read", error);
  }
  throw refused(source, "holds no certificate in PEM");
}

function refused({ name }: PemSource, what: string, cause?: unknown): InputError {
  return new InputError("failed_precondition", `${name} ${what}`, { cause });
}
