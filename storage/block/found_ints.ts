// The values of one attribute key while a view collects them.

import { grown } from "../../lib/growable.ts";
import type { AttributeInts } from "../../model/span_view.ts";

export class FoundInts implements AttributeInts {
  length = 0;
  spans = new Int32Array(1024);
  words = new Uint32Array(2048);

  push(span: number, low: number, high: number): void {
    if (this.length === this.spans.length) {
      this.spans = grown(this.spans, 0);
      this.words = grown(this.words, 0);
    }
    this.spans[this.length] = span;
    this.words[this.length * 2] = low;
    this.words[this.length++ * 2 + 1] = high;
  }
}
