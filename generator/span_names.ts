// Names of spans without the ids that some programs put into them: `GET /users/67890` is
// `GET /users/<_>`, so that names stay few.
// A name is learnt from, not guessed: only a part with a digit in it can be an id, and only where names
// that are alike otherwise were seen to differ. So the first name of its kind stays what it is, and
// `/v1/login` does too, as long as nobody calls `/v2/login`.
// The idea of templates that names are folded into is that of Drain (He and others, 2017).
// Rule: TEMPLATES_MAX kinds are remembered, those used last; `version` grows when a template learns.

const PLACEHOLDER = "<_>";
const TEMPLATES_MAX = 10_000;
const PARTS_MAX = 80;
/** What stands between parts, kept. */
const SEPARATORS = /([\s/\\.,:;=&?()[\]{}"'|]+)/;

export class SpanNames {
  version = 0;
  readonly counts = { detected: 0, evicted: 0, tooFewParts: 0, tooManyParts: 0 };
  /** By name with a placeholder for every part that may be an id; those used last come last. */
  readonly #templates = new Map<string, string[]>();

  constructor(readonly templatesMax = TEMPLATES_MAX) {}

  /** The name to use for `name`, of which it may learn. */
  sanitized(name: string): string {
    const parts = name.split(SEPARATORS);
    if (parts.length > PARTS_MAX) {
      this.counts.tooManyParts++;
      return name;
    }
    const kind = parts.map((part) => hasDigit(part) ? PLACEHOLDER : part).join("");
    if (kind === name) {
      this.counts.tooFewParts++;
      return name;
    }
    const template = this.#template(kind, parts);
    for (const [i, part] of parts.entries()) {
      if (template[i] === part || template[i] === PLACEHOLDER) continue;
      template[i] = PLACEHOLDER;
      this.version++;
    }
    return template.join("");
  }

  #template(kind: string, parts: readonly string[]): string[] {
    let template = this.#templates.get(kind);
    // A placeholder in the name itself can make two shapes look the same.
    if (template === undefined || template.length !== parts.length) {
      template = [...parts];
      this.counts.detected++;
    } else this.#templates.delete(kind);
    this.#templates.set(kind, template);
    if (this.#templates.size > this.templatesMax) {
      this.#templates.delete(this.#templates.keys().next().value!);
      this.counts.evicted++;
    }
    return template;
  }
}

function hasDigit(part: string): boolean {
  for (let i = 0; i < part.length; i++) {
    const code = part.charCodeAt(i);
    if (code >= 48 && code <= 57) return true;
  }
  return false;
}
