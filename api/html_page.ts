// Pages for people: plain HTML without scripts or anything from elsewhere, legible as it comes and usable
// with a keyboard. Rule: what is not written here is escaped.

export function page(title: string, body: string): Response {
  const head = `<meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style>`;
  return new Response(
    `<!doctype html><html lang="en"><head>${head}</head><body><h1>${
      escaped(title)
    }</h1>${body}</body></html>\n`,
    {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy":
          "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
      },
    },
  );
}

const STYLE = "body{font-family:sans-serif;margin:1em 2em}table{border-collapse:collapse}" +
  "th,td{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}" +
  "form{display:inline}.bad{background:#fdd}";

/** A cell is HTML. */
export function table(heads: readonly string[], rows: readonly Row[]): string {
  const head = heads.map((text) => `<th scope="col">${escaped(text)}</th>`).join("");
  const body = rows.map(({ cells, isBad }) =>
    `<tr${isBad ? ' class="bad"' : ""}>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

export interface Row {
  readonly cells: readonly string[];
  readonly isBad?: boolean;
}

/** A button that POSTs these fields to the page it is on. */
export function button(label: string, fields: Readonly<Record<string, string>>): string {
  const inputs = Object.entries(fields).map(([name, value]) =>
    `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`
  );
  return `<form method="post">${inputs.join("")}<button>${escaped(label)}</button></form>`;
}

export function wantsJson(accept: string | undefined): boolean {
  return accept?.includes("application/json") === true;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
