import assert from "node:assert/strict";
import { Authority } from "../tests/support/certificates.ts";
import { Certificates, type CertificateSources, RENEWED_WITHIN_MS } from "./certificates.ts";
import { SimulatedClock } from "./clock.ts";
import { InputError } from "./errors.ts";
import { rootLogger } from "./log.ts";
import { createRuntime } from "./runtime.ts";

const authority = new Authority();
const pair = authority.sign({ name: "server" });
const other = authority.sign({ name: "other" });

type Texts = Partial<Record<"cert" | "key" | "ca", string>>;

/** As files whose content is that of the object now. */
function sources(texts: Texts): CertificateSources {
  const source = (name: keyof Texts) =>
    texts[name] === undefined ? undefined : {
      name: `server.${name}_file`,
      read: () => texts[name] === "" ? fail() : texts[name]!,
    };
  return { cert: source("cert"), key: source("key"), ca: source("ca") };
}

function fail(): never {
  throw new Error("No such file");
}

Deno.test("what cannot be used is refused by the name of its key", () => {
  const cases: [Texts, RegExp][] = [
    [{ cert: "", key: pair.key }, /^server.cert_file cannot be read: No such file$/],
    [{ cert: "hello", key: pair.key }, /^server.cert_file holds no certificate in PEM$/],
    [{ cert: pair.cert }, /^server.cert_file is a certificate without its key$/],
    [{ key: pair.key }, /^server.key_file is a key without its certificate$/],
    [{ cert: pair.cert, key: "hello" }, /^server.key_file holds no private key in PEM$/],
    [{ cert: pair.cert, key: other.key }, /^server.key_file is not the key of server.cert_file$/],
    [{ ca: pair.key }, /^server.ca_file holds no certificate in PEM$/],
    [
      { ca: authority.cert.replace(/\n.{30}/, "\n" + "A".repeat(30)) },
      /^server.ca_file holds a certificate that cannot be read$/,
    ],
  ];
  for (const [texts, expected] of cases) {
    assert.throws(
      () => new Certificates(createRuntime(), "server", sources(texts)),
      (error) => error instanceof InputError && expected.test(error.message),
      String(expected),
    );
  }
});

Deno.test("a renewed pair is taken soon; half of one is told once, and the former goes on", async () => {
  const clock = new SimulatedClock();
  const said: string[] = [];
  const log = {
    ...rootLogger(),
    info: (text: string) => void said.push(text),
    warn: (text: string, { error }: { error: string }) => void said.push(`${text}: ${error}`),
  } as unknown as ReturnType<typeof rootLogger>;
  const runtime = createRuntime({ clock, log });
  const texts: Texts = { cert: pair.cert, key: pair.key, ca: authority.cert };
  using certificates = new Certificates(runtime, "server", sources(texts));
  let renewals = 0;
  const stop = certificates.onRenewed(() => renewals++);
  texts.cert = other.cert;
  await clock.advance(3 * RENEWED_WITHIN_MS);
  assert.deepEqual([certificates.current.cert, renewals], [pair.cert, 0]);
  assert.deepEqual(said, [
    "a renewed certificate is not taken: server.key_file is not the key of server.cert_file",
  ]);
  texts.key = other.key;
  await clock.advance(RENEWED_WITHIN_MS);
  assert.deepEqual([certificates.current.cert, renewals], [other.cert, 1]);
  assert.deepEqual(said.slice(1), ["certificate renewed"]);
  stop();
  texts.ca = new Authority("another").cert;
  await clock.advance(RENEWED_WITHIN_MS);
  assert.deepEqual([certificates.current.ca, renewals], [texts.ca, 1]);
});

Deno.test("when the certificate in use expires is a metric", async () => {
  const runtime = createRuntime();
  const soon = authority.sign({ name: "soon", expiresMs: 1_900_000_000_000 });
  using _ = new Certificates(runtime, "server", sources(soon));
  assert.match(
    await runtime.metrics.text(),
    /segno_tls_certificate_expires_timestamp_seconds\{of="server"\} 1900000000/,
  );
});
