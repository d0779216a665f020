// Environment variables in the text of a configuration file: ${NAME}, $NAME and ${NAME:-default}.
// Rule: an unset variable is the empty text; `$$` is a dollar; any other dollar stays as it is.

const REFERENCE = /\$(?:(\$)|\{([A-Za-z_]\w*)(?::-((?:[^}\\]|\\.)*))?\}|([A-Za-z_]\w*))/g;

export function expandEnv(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(REFERENCE, (_, dollar, braced, fallback, bare) => {
    if (dollar !== undefined) return "$";
    const value = env[braced ?? bare] ?? "";
    return value === "" && fallback !== undefined ? fallback : value;
  });
}
