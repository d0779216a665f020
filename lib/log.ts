// Structured logs. A logger is a value that is passed on; a message is a fixed lower-case phrase and
// everything that varies is a property, so that logs can be counted and searched.
import { getLogger, type Logger } from "@logtape/logtape";

export type { Logger };

/** A logger of this program; silent until `cmd` configures sinks. */
export function rootLogger(): Logger {
  return getLogger("segno");
}
