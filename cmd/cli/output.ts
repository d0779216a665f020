// What a command has to say, on standard output: text for people or one JSON document for scripts.
// Rule: a reader that has seen enough (`| head`) ends the command quietly, wherever it is.

/** Nobody reads any more. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** Writes all bytes or throws. */
export type WriteBytes = (bytes: Uint8Array) => void;

const encoder = new TextEncoder();

export class Output {
  constructor(readonly write: WriteBytes) {}

  text(text: string): void {
    this.write(encoder.encode(text));
  }

  line(text = ""): void {
    this.text(text + "\n");
  }

  /** 64-bit integers are strings, as in OTLP's JSON. */
  json(value: unknown): void {
    this.line(JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? `${inner}` : inner));
  }
}

/** To a file of the process; a pipe takes what it has room for. */
export function writerOf(file: { writeSync(bytes: Uint8Array): number }): WriteBytes {
  return (bytes) => {
    try {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed("output closed");
      throw error;
    }
  };
}
