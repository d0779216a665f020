// When the head section of a partition is sealed: by spans, by memory, by age. Pure: the time comes
// in from outside.
import type { Section } from "./section.ts";

export interface CutRules {
  readonly spansMax: number;
  readonly bytesMax: number;
  /** Since the first record of the section was appended. */
  readonly ageMaxMs: number;
}

export function isDue(section: Section, rules: CutRules, nowMs: number): boolean {
  if (section.isEmpty) return false;
  return section.spans >= rules.spansMax || nowMs - section.firstRecordMs >= rules.ageMaxMs ||
    section.sizeBytes >= rules.bytesMax;
}
