// Lets the calling thread stand back: it runs when no other thread wants the core. For work that has no
// hurry, beside work that has.
// On Linux a priority belongs to a thread; elsewhere it would be the whole process's, so nothing is done.
import { setPriority } from "node:os";

const LOWEST = 19;

/** Whether it could be done. */
export function standBack(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    setPriority(0, LOWEST);
    return true;
  } catch {
    return false; // a sandbox that forbids it: the work is done all the same
  }
}
