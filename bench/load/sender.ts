// Sends requests and waits for the answer, one at a time for each sender.
import type { RequestTemplate } from "./template.ts";

export interface Sender extends AsyncDisposable {
  /** Rejects if the connection ends before the answer. */
  send(template: RequestTemplate): Promise<SendOutcome>;
}

export interface SendOutcome {
  /** Whether the server has taken the spans for good. */
  readonly isAcked: boolean;
  /** What it said if not. */
  readonly reason: string;
}

/** Bytes that senders need in front of a request. */
export const SENDER_ROOM_BYTES = 256;
