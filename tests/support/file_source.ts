// A file as a ByteSource that counts what is read.
import type { ByteSource } from "../../storage/parquet/file.ts";

export class FileSource implements ByteSource {
  readonly sizeBytes: number;
  bytesRead = 0;
  reads = 0;
  readonly #file: Deno.FsFile;

  constructor(path: string) {
    this.#file = Deno.openSync(path);
    this.sizeBytes = this.#file.statSync().size;
  }

  read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(sizeBytes);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < sizeBytes;) at += this.#file.readSync(bytes.subarray(at)) ?? sizeBytes;
    this.bytesRead += sizeBytes;
    this.reads++;
    return Promise.resolve(bytes);
  }
}
