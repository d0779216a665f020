import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { toJsonLine, toLogfmtLine } from "./log_sinks.ts";

const record: LogRecord = {
  category: ["segno", "wal"],
  level: "warning",
  message: ["torn tail dropped"],
  rawMessage: "torn tail dropped",
  timestamp: 1_767_268_800_000,
  properties: { file: "00000007.log", bytes: 12, quote: 'say "x"', offset: 9n, nothing: undefined },
};

Deno.test("a logfmt line quotes what has spaces or quotes", () => {
  assert.equal(
    toLogfmtLine(record),
    'ts=2026-01-01T12:00:00.000Z level=warn caller=wal msg="torn tail dropped" ' +
      'file=00000007.log bytes=12 quote="say \\"x\\"" offset=9 nothing=undefined\n',
  );
});

Deno.test("a JSON line is one object with the properties beside the message", () => {
  assert.deepEqual(JSON.parse(toJsonLine(record)), {
    ts: "2026-01-01T12:00:00.000Z",
    level: "warn",
    caller: "wal",
    msg: "torn tail dropped",
    file: "00000007.log",
    bytes: 12,
    quote: 'say "x"',
    offset: "9",
  });
});
