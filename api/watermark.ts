// How far an answer is complete, in a header of it, for the JSON of answers is read strictly.
// Rule: taken before the question is asked, so that the answer has no less.
//
//   X-Segno-Watermark: 0;offset=1234;time=1795738202.123, 1;offset=99;time=1795738202.08
//
// A list of partitions as structured fields (RFC 8941): records before `offset`, and what was acknowledged
// before `time`, in Unix seconds.
import type { MiddlewareHandler } from "hono";
import type { Watermark } from "./options.ts";

export const WATERMARK_HEADER = "X-Segno-Watermark";

export function tellWatermarks(watermarks: () => readonly Watermark[]): MiddlewareHandler {
  return async (c, next) => {
    const text = watermarks().map(wordsOf).join(", ");
    await next();
    if (text !== "" && c.res.status === 200) c.res.headers.set(WATERMARK_HEADER, text);
  };
}

function wordsOf({ partition, nextOffset, completeToMs }: Watermark): string {
  return `${partition};offset=${nextOffset};time=${Math.floor(completeToMs) / 1_000}`;
}
