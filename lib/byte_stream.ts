// A connection as bytes, both ways: what Deno.Conn offers, as far as it is needed, whatever is beneath.

export interface ByteStream {
  /** Null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

export async function writeAll(sink: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}

/** Copies until the source ends; what the sink does not take is not read from the source. */
export async function copyBytes(
  source: ByteStream,
  sink: ByteStream,
  bufferBytes: number,
): Promise<void> {
  const buffer = new Uint8Array(bufferBytes);
  for (let size = await source.read(buffer); size !== null; size = await source.read(buffer)) {
    await writeAll(sink, buffer.subarray(0, size));
  }
}

/** Also one that is closed already. */
export function closeQuietly(conn: ByteStream): void {
  try {
    conn.close();
  } catch {
    // it is
  }
}
