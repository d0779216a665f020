// Certificates in memory, as the program has them from files: what a test changes is what is read next.
import { Certificates } from "../../lib/certificates.ts";
import { createRuntime } from "../../lib/runtime.ts";

export interface CertificateTexts {
  cert?: string;
  key?: string;
  ca?: string;
}

/** `refresh()` of it takes what the object holds then. */
export function certificatesOf(texts: CertificateTexts, name = "test"): Certificates {
  const source = (key: keyof CertificateTexts) =>
    texts[key] === undefined ? undefined : { name: `${name}.${key}`, read: () => texts[key]! };
  return new Certificates(createRuntime(), name, {
    cert: source("cert"),
    key: source("key"),
    ca: source("ca"),
  });
}
