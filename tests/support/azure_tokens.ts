// deno-lint-ignore-file house/no-ambient-world
// Who gives tokens for Azure: the endpoint of a machine's identity, over plain HTTP, and an authority that
// exchanges the token of a workload, over TLS. The tokens are of the form that Azurite looks at.
import { NoServerError } from "./bucket_servers.ts";

export interface Certificate {
  readonly dir: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** For 127.0.0.1, trusted by nobody who is not told to. */
export async function selfSigned(): Promise<Certificate> {
  const dir = Deno.makeTempDirSync({ prefix: "segno-cert-" });
  const [certPath, keyPath] = [`${dir}/cert.pem`, `${dir}/key.pem`];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  const basic = ["-addext", "basicConstraints=critical,CA:TRUE"];
  try {
    const { success, stderr } = await new Deno.Command("openssl", {
      args: ["req", ...kind, "-keyout", keyPath, "-out", certPath, ...subject, ...basic],
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } catch (error) {
    Deno.removeSync(dir, { recursive: true });
    throw new NoServerError("there is no openssl here", { cause: error });
  }
  return { dir, certPath, keyPath };
}

const TENANT = "ab1f708d-50f6-404c-a006-d71b2ac7a606";
const WORKLOAD_TOKEN = "a token of the workload";

export class TokenServer implements AsyncDisposable {
  given = 0;
  readonly #machine;
  readonly #authority;

  constructor(readonly certificate: Certificate) {
    const quiet = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#machine = Deno.serve(quiet, (request) => this.#ofMachine(request));
    const cert = Deno.readTextFileSync(certificate.certPath);
    const key = Deno.readTextFileSync(certificate.keyPath);
    this.#authority = Deno.serve({ ...quiet, cert, key }, (request) => this.#ofWorkload(request));
    Deno.writeTextFileSync(`${certificate.dir}/token`, WORKLOAD_TOKEN);
  }

  /** What a machine with identities finds in its environment. */
  get machineEnv(): Record<string, string> {
    return { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${this.#machine.addr.port}` };
  }

  /** What a workload in a cluster finds. */
  get workloadEnv(): Record<string, string> {
    return {
      AZURE_AUTHORITY_HOST: this.#authorityUrl,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: "client-2",
      AZURE_FEDERATED_TOKEN_FILE: `${this.certificate.dir}/token`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine.shutdown();
    await this.#authority.shutdown();
  }

  get #authorityUrl(): string {
    return `https://127.0.0.1:${this.#authority.addr.port}`;
  }

  #ofMachine(request: Request): Response {
    const url = new URL(request.url);
    const isAsked = request.headers.get("metadata") === "true" &&
      url.searchParams.get("client_id") === "client-1";
    if (!isAsked) return new Response("who is asking?", { status: 400 });
    const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
    const resource = url.searchParams.get("resource");
    return Response.json({ ...this.#token(), expires_on, resource });
  }

  async #ofWorkload(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname.endsWith("/.well-known/openid-configuration")) {
      const base = `${this.#authorityUrl}/${TENANT}`;
      return Response.json({
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/keys`,
      });
    }
    if (url.pathname.includes("/discovery/instance")) {
      return Response.json({
        tenant_discovery_endpoint:
          `${this.#authorityUrl}/${TENANT}/v2.0/.well-known/openid-configuration`,
        metadata: [],
      });
    }
    const form = new URLSearchParams(await request.text());
    if (form.get("client_assertion") !== WORKLOAD_TOKEN || form.get("client_id") !== "client-2") {
      return Response.json({ error: "invalid_client" }, { status: 401 });
    }
    return Response.json(this.#token());
  }

  #token() {
    this.given++;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      aud: "https://storage.azure.com",
      iss: `https://sts.windows.net/${TENANT}/`,
      iat: now - 10,
      nbf: now - 10,
      exp: now + 3600,
      tid: TENANT,
      oid: "segno",
    };
    const part = (value: unknown) =>
      new TextEncoder().encode(JSON.stringify(value)).toBase64({
        alphabet: "base64url",
        omitPadding: true,
      });
    const access_token = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.${part("none")}`;
    return { access_token, expires_in: 3600, token_type: "Bearer" };
  }
}
