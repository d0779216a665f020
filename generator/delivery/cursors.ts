// How far an endpoint has acknowledged a delivery log, in a small file of its own with two places, written in turns.
// Rule: it survives the end of the process, and is not synced: after a power cut what was acknowledged last is sent
// again, and who has it takes it for what it is. Little-endian, each place 32 bytes:
//
//    0 f64 turn, 8 f64 segment, 16 f64 position, 24 u32 sent, 28 u32 crc32 of bytes 0…28
import { crc32 } from "node:zlib";

import type { Directory, File } from "../../lib/fs.ts";

const PLACE_BYTES = 32;

export interface Cursor {
  readonly segment: number;
  /** Where its next frame begins. */
  readonly position: number;
  /** Of that frame, how many series are acknowledged. */
  readonly sent: number;
}

export class KeptCursor implements Disposable {
  #turn: number;

  private constructor(readonly file: File, turn: number, public current: Cursor) {
    this.#turn = turn;
  }

  /** `unknown`: where to begin if there is none, or none that is true. */
  static async open(directory: Directory, name: string, unknown: Cursor): Promise<KeptCursor> {
    const isNew = !(await directory.list()).includes(name);
    const file = await directory.open(name, "write");
    try {
      const found = isNew ? undefined : await readCursor(file);
      const kept = new KeptCursor(file, found?.turn ?? 0, found?.cursor ?? unknown);
      if (found === undefined) {
        await kept.move(unknown);
        await file.sync();
        await directory.sync();
      }
      return kept;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async move(to: Cursor): Promise<void> {
    const turn = ++this.#turn;
    this.current = to;
    const bytes = new Uint8Array(PLACE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, turn, true);
    view.setFloat64(8, to.segment, true);
    view.setFloat64(16, to.position, true);
    view.setUint32(24, to.sent, true);
    view.setUint32(28, crc32(bytes.subarray(0, 28)), true);
    await this.file.write(bytes, (turn % 2) * PLACE_BYTES);
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** The newer of the two places that is true. */
async function readCursor(file: File): Promise<{ turn: number; cursor: Cursor } | undefined> {
  let newest: { turn: number; cursor: Cursor } | undefined;
  for (const at of [0, PLACE_BYTES]) {
    const bytes = new Uint8Array(PLACE_BYTES);
    if (await file.read(bytes, at) < PLACE_BYTES) continue;
    const view = new DataView(bytes.buffer);
    if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) continue;
    const turn = view.getFloat64(0, true);
    if (newest !== undefined && newest.turn > turn) continue;
    const segment = view.getFloat64(8, true);
    const position = view.getFloat64(16, true);
    newest = { turn, cursor: { segment, position, sent: view.getUint32(24, true) } };
  }
  return newest;
}

/** Negative where `a` comes first. */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.segment - b.segment || a.position - b.position || a.sent - b.sent;
}
