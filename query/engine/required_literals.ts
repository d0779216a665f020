// Texts that every match of a regular expression contains, one after another: a text that lacks one
// need not be shown to the automaton, which is ten times as slow as looking.
// Rule: rather none than a wrong one. Alternatives, flags and what stands in groups give none.

/** In order, not overlapping; empty where nothing is certain. */
export function requiredLiterals(pattern: string): string[] {
  if (/\(\?|\\[A-Za-z0-9]/.test(pattern)) return [];
  const literals: string[] = [];
  let run = "";
  const endRun = () => {
    if (run !== "") literals.push(run);
    run = "";
  };
  for (let at = 0; at < pattern.length;) {
    const char = String.fromCodePoint(pattern.codePointAt(at)!);
    if (char === "|") return [];
    if (char === "(" || char === "[") {
      endRun();
      at = char === "(" ? groupEnd(pattern, at) : classEnd(pattern, at);
      if (at < 0) return [];
      at = quantifierEnd(pattern, at);
      continue;
    }
    if (".^$".includes(char)) {
      endRun();
      at = quantifierEnd(pattern, at + 1);
      continue;
    }
    const isEscaped = char === "\\";
    const literal = isEscaped ? pattern[at + 1] : char;
    if (literal === undefined) return [];
    at += isEscaped ? 2 : char.length;
    const after = quantifierEnd(pattern, at);
    if (after === at) run += literal;
    else {
      // With a plus it occurs once at least; how often is not known, so nothing may follow directly.
      if (pattern[at] === "+") run += literal;
      endRun();
      at = after;
    }
  }
  endRun();
  return literals;
}

export function containsInOrder(text: string, literals: readonly string[]): boolean {
  let from = 0;
  for (const literal of literals) {
    const at = text.indexOf(literal, from);
    if (at < 0) return false;
    from = at + literal.length;
  }
  return true;
}

/** Behind `*`, `+`, `?`, `{2,3}`, and a `?` that makes them lazy; `at` itself where there is none. */
function quantifierEnd(pattern: string, at: number): number {
  // Other braces are themselves: `{|a{0}` is two alternatives.
  const found = /^(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})+/.exec(pattern.slice(at));
  return at + (found?.[0].length ?? 0);
}

/** Behind the parenthesis that closes the one at `at`; -1 if that is hard to say. */
function groupEnd(pattern: string, at: number): number {
  let depth = 0;
  for (let i = at; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === "\\") i++;
    else if (char === "[") {
      i = classEnd(pattern, i) - 1;
      if (i < 0) return -1;
    } else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return i + 1;
  }
  return -1;
}

/** Behind the bracket that closes the one at `at`; -1 for classes with brackets inside. */
function classEnd(pattern: string, at: number): number {
  let i = at + 1;
  if (pattern[i] === "^") i++;
  if (pattern[i] === "]") i++;
  for (; i < pattern.length; i++) {
    if (pattern[i] === "\\") i++;
    else if (pattern[i] === "[") return -1;
    else if (pattern[i] === "]") return i + 1;
  }
  return -1;
}
