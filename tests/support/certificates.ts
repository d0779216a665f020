// deno-lint-ignore-file house/no-ambient-world
// Certificates made on the spot (X.509 in DER, RFC 5280): an authority, and what it signs. No program is needed for it.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface CertificateRequest {
  readonly name: string;
  /** Names of hosts, and addresses of IPv4; both what clients verify. */
  readonly hosts?: readonly string[];
  /** When it expires; tomorrow if left out. */
  readonly expiresMs?: number;
}

/** PEM. */
export interface SignedPair {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

export class Authority {
  readonly #name: string;
  readonly #key: KeyObject;
  /** PEM. */
  readonly cert: string;

  constructor(name = "authority of tests") {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = name;
    this.#key = privateKey;
    const isAuthority = extension("551d13", true, sequence(der(0x01, [0xff])));
    this.cert = this.#signed(name, publicKey, [isAuthority], Date.now() + DAY_MS);
  }

  /** For 127.0.0.1 and localhost unless it is told. */
  sign({ name, hosts = ["127.0.0.1", "localhost"], expiresMs }: CertificateRequest): SignedPair {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const extensions = [
      extension("551d13", true, sequence()),
      extension("551d11", false, sequence(...hosts.map(hostName))),
    ];
    return {
      cert: this.#signed(name, publicKey, extensions, expiresMs ?? Date.now() + DAY_MS),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #signed(
    name: string,
    publicKey: KeyObject,
    extensions: readonly Uint8Array[],
    expiresMs: number,
  ): string {
    const algorithm = sequence(hex("06082a8648ce3d040302")); // ecdsa-with-SHA256
    const body = sequence(
      der(0xa0, der(0x02, [2])),
      der(0x02, [1, ...crypto.getRandomValues(new Uint8Array(15))]),
      algorithm,
      named(this.#name),
      sequence(time(Math.min(Date.now(), expiresMs) - DAY_MS), time(expiresMs)),
      named(name),
      publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = sign("sha256", body, this.#key);
    const base64 = sequence(body, algorithm, der(0x03, [0, ...signature])).toBase64();
    const lines = base64.match(/.{1,64}/g)!.join("\n");
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }
}

/** Tag, length, value. */
function der(tag: number, ...parts: readonly Iterable<number>[]): Uint8Array {
  const value = parts.flatMap((part) => [...part]);
  const { length } = value;
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >>> 8, length & 255];
  return Uint8Array.from([tag, ...size, ...value]);
}

const sequence = (...parts: readonly Iterable<number>[]) => der(0x30, ...parts);
const hex = (text: string) => Uint8Array.fromHex(text);
const text = (value: string) => new TextEncoder().encode(value);

/** A name of one part, the common one. */
const named = (name: string) =>
  sequence(der(0x31, sequence(hex("0603550403"), der(0x0c, text(name)))));

function time(ms: number): Uint8Array {
  return der(0x17, text(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "").slice(2)));
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  const critical = isCritical ? [der(0x01, [0xff])] : [];
  return sequence(der(0x06, hex(id)), ...critical, der(0x04, value));
}

function hostName(host: string): Uint8Array {
  const isAddress = /^\d+(\.\d+){3}$/.test(host);
  return isAddress ? der(0x87, host.split(".").map(Number)) : der(0x82, text(host));
}
