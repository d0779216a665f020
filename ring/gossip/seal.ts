// Proof that a message comes from somebody who knows the cluster's secret: an HMAC-SHA-256 over the
// cluster's label, the time and the message, in a header.
//
//   ask      <unix ms>.<hex of HMAC(secret, "ask" label time message)>
//   answer   <hex of HMAC(secret, "answer" seal of the ask, message)>
//
// Rules: an answer proves that it is the answer to this ask, so nobody can play an old one back; an old
// ask changes nothing that was not true, for the map only grows, and is refused after a few minutes;
// comparing takes the same time whatever differs. Without a secret everything is accepted.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";

/** Clocks of members may differ by so much; it is also how long an ask can be played back. */
const SKEW_MAX_MS = 300_000;
const SEAL = /^(\d{1,15})\.([0-9a-f]{64})$/;

export interface Secrets {
  /** Empty: messages carry no proof. */
  readonly secret: string;
  /** Accepted, too: a cluster changes its secret member by member. */
  readonly formerSecret: string;
}

export class Seals {
  constructor(readonly clock: Pick<Clock, "now">, readonly secrets: Secrets) {}

  /** Of a message that asks; undefined without a secret. */
  ofAsk(label: string, message: Uint8Array): string | undefined {
    const { secret } = this.secrets;
    if (secret === "") return undefined;
    const time = Math.floor(this.clock.now());
    return `${time}.${macOf(secret, ["ask", label, String(time)], message).toString("hex")}`;
  }

  /** The secret that the sender knows, "" if none is asked for; undefined if it has no proof. */
  secretOfAsk(label: string, seal: string | null, message: Uint8Array): string | undefined {
    if (this.secrets.secret === "") return "";
    const parts = SEAL.exec(seal ?? "");
    if (parts === null) return undefined;
    const [, time, mac] = parts;
    if (Math.abs(this.clock.now() - Number(time)) > SKEW_MAX_MS) return undefined;
    return this.#known().find((secret) =>
      isEqual(macOf(secret, ["ask", label, time!], message), mac!)
    );
  }

  /** Whether it is the answer to the ask with that seal. */
  isAnswer(askSeal: string | undefined, seal: string | null, message: Uint8Array): boolean {
    if (askSeal === undefined) return true;
    return this.#known().some((secret) => isEqual(macOfAnswer(secret, askSeal, message), seal));
  }

  #known(): string[] {
    const { secret, formerSecret } = this.secrets;
    return formerSecret === "" ? [secret] : [secret, formerSecret];
  }
}

/** Of an answer, with the secret that the ask was proved with; undefined without one. */
export function sealOfAnswer(
  secret: string,
  askSeal: string | null,
  message: Uint8Array,
): string | undefined {
  return secret === "" ? undefined : macOfAnswer(secret, askSeal ?? "", message).toString("hex");
}

function macOfAnswer(secret: string, askSeal: string, message: Uint8Array): Buffer {
  return macOf(secret, ["answer", askSeal], message);
}

function macOf(secret: string, words: readonly string[], message: Uint8Array): Buffer {
  const hmac = createHmac("sha256", secret);
  // Each with its length: no two lists of words run together to the same bytes.
  for (const word of words) hmac.update(`${word.length}:${word}\n`);
  return hmac.update(message).digest();
}

function isEqual(mac: Buffer, hex: string | null): boolean {
  if (hex === null || hex.length !== mac.length * 2) return false;
  const other = Buffer.from(hex, "hex");
  return other.length === mac.length && timingSafeEqual(mac, other);
}
