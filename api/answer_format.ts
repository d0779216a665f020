// In which form an answer goes out: JSON, protobuf or, where there is one, a short JSON for language models,
// by what the client accepts.
import { ByteWriter } from "../lib/byte_writer.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

/** Lets the thread do what else is due. */
export type Pause = () => Promise<void>;

/** One answer in its forms; only the wanted one is made. */
export interface AnswerForms {
  readonly json: () => unknown;
  /**
   * The same, written in several turns of the thread: answers of tens of thousands of numbers, and objects
   * for each of them, would hold it up for longer than the question took.
   */
  readonly jsonText?: (pause: Pause) => Promise<string>;
  /** For language models: short, and without promises. */
  readonly llm?: () => unknown;
  readonly protobuf: (out: ProtobufWriter) => void;
}

/** As `respond`; what is long is written down with pauses. */
export async function respondInTurns(
  accept: string | null,
  forms: AnswerForms,
  pause: Pause,
): Promise<Response> {
  if (forms.jsonText === undefined || isProtobuf(accept)) return respond(accept, forms);
  return jsonResponse(await forms.jsonText(pause));
}

export function respond(accept: string | null, forms: AnswerForms): Response {
  // The peer looks for parts of the header in this order and knows no weights.
  if (isProtobuf(accept)) {
    const out = new ProtobufWriter(new ByteWriter());
    forms.protobuf(out);
    return new Response(out.bytes.written(), {
      headers: { "Content-Type": "application/protobuf" },
    });
  }
  if (forms.llm !== undefined && isLlm(accept)) {
    return new Response(JSON.stringify(forms.llm()), {
      headers: { "Content-Type": "application/vnd.grafana.llm+json" },
    });
  }
  return jsonResponse(JSON.stringify(forms.json()));
}

function jsonResponse(text: string): Response {
  return new Response(text, { headers: { "Content-Type": "application/json" } });
}

const isProtobuf = (accept: string | null) => accept?.includes("application/protobuf") ?? false;

function isLlm(accept: string | null): boolean {
  if (accept === null || accept.includes("application/json")) return false;
  return accept.includes("application/vnd.grafana.llm");
}

/** A field left out when zero, as protobuf's JSON does; 64-bit numbers are strings there. */
export function nonZero<K extends string>(
  name: K,
  value: number | bigint | string,
): { [key in K]?: number | string } {
  if (value === 0 || value === 0n || value === "") return {};
  return { [name]: typeof value === "bigint" ? String(value) : value } as never;
}

/** An unsigned 64-bit field, left out when zero. */
export function putUint64(out: ProtobufWriter, field: number, value: number | bigint): void {
  const bits = BigInt.asUintN(64, BigInt(value));
  if (bits !== 0n) out.varint64(field, Number(bits & 0xffffffffn), Number(bits >> 32n));
}

/** A text field, left out when empty. */
export function putText(out: ProtobufWriter, field: number, value: string): void {
  if (value !== "") out.text(field, value);
}
