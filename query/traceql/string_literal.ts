// String literals: "with Go's escapes" or `raw`, read and printed.
// Rule: an escape like \xff stands for a byte; bytes together are UTF-8, as attribute values are.

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  '"': 34,
};

/** The value and the index behind the literal at `start`, or the reason why it is none. */
export function readString(
  text: string,
  start: number,
): { value: string; next: number } | string {
  return text[start] === "`" ? readRaw(text, start) : readQuoted(text, start);
}

function readRaw(text: string, start: number): { value: string; next: number } | string {
  const end = text.indexOf("`", start + 1);
  if (end < 0) return "literal not terminated";
  return { value: text.slice(start + 1, end), next: end + 1 };
}

const PLAIN = /[^"\\\n]+/y;
const ESCAPE =
  /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

function readQuoted(text: string, start: number): { value: string; next: number } | string {
  let index = start + 1;
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) parts.push(new TextDecoder().decode(Uint8Array.from(bytes)));
    bytes = [];
  };
  for (;;) {
    PLAIN.lastIndex = index;
    const plain = PLAIN.exec(text)?.[0];
    if (plain !== undefined) {
      flush();
      parts.push(plain);
      index += plain.length;
    }
    if (text[index] === '"') break;
    if (text[index] !== "\\") return "literal not terminated";
    ESCAPE.lastIndex = index;
    const found = ESCAPE.exec(text);
    if (found === null) return "invalid char escape";
    const [whole, simple, hex, octal, short, long] = found;
    if (simple !== undefined) bytes.push(SIMPLE[simple]!);
    else if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else if (octal !== undefined) {
      const byte = parseInt(octal, 8);
      if (byte > 255) return "invalid char escape";
      bytes.push(byte);
    } else {
      const code = parseInt(short ?? long!, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return "invalid char escape";
      flush();
      parts.push(String.fromCodePoint(code));
    }
    index += whole.length;
  }
  flush();
  return { value: parts.join(""), next: index + 1 };
}

/** Raw where that is possible: it is how regular expressions stay legible. */
export function printString(value: string): string {
  if (!value.includes("`") && value.isWellFormed()) return `\`${value}\``;
  let out = '"';
  for (const char of value.toWellFormed()) {
    if (char === '"' || char === "\\") out += `\\${char}`;
    else if (char < " ") out += `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return `${out}"`;
}
