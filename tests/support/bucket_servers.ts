// deno-lint-ignore-file house/no-ambient-world
// Real servers of the object stores' APIs, each a process on a free port with a folder of its own.
// Rules: programs are built or installed once, into ~/.cache/segno-tests; a server that cannot be had
// says why; whoever starts one disposes of it, and then it is gone.
const CACHE = `${Deno.env.get("HOME") ?? "/tmp"}/.cache/segno-tests`;

/** Why a server cannot be had on this machine. */
export class NoServerError extends Error {
  override readonly name = "NoServerError";
}

export interface BucketServer extends AsyncDisposable {
  readonly url: string;
  /** `host:port` */
  readonly address: string;
  /** Where its files are. */
  readonly dir: string;
  readonly pid: number;
  /** Ends the process; the files stay. */
  stop(): Promise<void>;
  /** Starts it again on the same address and files. */
  restart(): Promise<void>;
  /** It keeps its connections and answers nothing, until it goes on. */
  pause(): void;
  goOn(): void;
}

export const S3_KEYS = { accessKeyId: "test", secretAccessKey: "testsecret" } as const;
export const AZURE_ACCOUNT = "segno";
export const AZURE_KEY = btoa("a key that is known to this test");

const VERSITYGW = ["github.com/versity/versitygw/cmd/versitygw", "v1.8.0"] as const;

/** Whether Go is not needed any more. */
export function hasVersitygw(): boolean {
  return exists(goProgramPath(...VERSITYGW));
}

export async function startVersitygw(place: ServerPlace = {}): Promise<BucketServer> {
  const program = await goProgram(...VERSITYGW);
  return await startServer({
    program,
    place,
    // The folder is a bucket's parent, and parts of uploads must lie on the same disk.
    args: (port, dir) => ["--port", `127.0.0.1:${port}`, "posix", dir],
    env: { ROOT_ACCESS_KEY: S3_KEYS.accessKeyId, ROOT_SECRET_KEY: S3_KEYS.secretAccessKey },
  });
}

export async function startFakeGcsServer(): Promise<BucketServer> {
  const program = await goProgram("github.com/fsouza/fake-gcs-server", "v1.56.1");
  return await startServer({
    program,
    args: (port, dir) => [
      ...["-scheme", "http", "-host", "127.0.0.1", "-port", String(port)],
      ...["-external-url", `http://127.0.0.1:${port}`, "-public-host", `127.0.0.1:${port}`],
      ...["-backend", "filesystem", "-filesystem-root", dir],
    ],
  });
}

/** With a certificate it speaks TLS and takes tokens too. */
export async function startAzurite(
  tls?: { readonly certPath: string; readonly keyPath: string },
): Promise<BucketServer> {
  const script = await npmProgram("azurite", "3.37.0", "dist/src/blob/main.js");
  return await startServer({
    program: "node",
    args: (port, dir) => [
      script,
      ...["--blobHost", "127.0.0.1", "--blobPort", String(port), "--location", dir],
      ...["--silent", "--disableTelemetry", "--skipApiVersionCheck"],
      ...tls === undefined
        ? []
        : ["--oauth", "basic", "--cert", tls.certPath, "--key", tls.keyPath],
    ],
    env: { AZURITE_ACCOUNTS: `${AZURE_ACCOUNT}:${AZURE_KEY}` },
  });
}

/** Where the program kustomize is. */
export function kustomizeProgram(): Promise<string> {
  return goProgram("sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1", "kustomize");
}

/** A reverse proxy; `caddyfile` is told the port that it is waited for at. */
export async function startCaddy(caddyfile: (port: number) => string): Promise<BucketServer> {
  const program = await goProgram("github.com/caddyserver/caddy/v2/cmd/caddy", "v2.10.2");
  return await startServer({
    program,
    args: (port, dir) => {
      Deno.writeTextFileSync(`${dir}/Caddyfile`, caddyfile(port));
      return ["run", "--config", `${dir}/Caddyfile`, "--adapter", "caddyfile"];
    },
  });
}

export interface ServerPlace {
  /** Kept; otherwise a folder that is removed at the end. */
  readonly dir?: string;
  /** A free one unless told. */
  readonly port?: number;
  /** In a process group of its own: Ctrl-C in a terminal is for whoever started it. */
  readonly isDetached?: boolean;
}

export interface ServerStart {
  readonly program: string;
  readonly place?: ServerPlace;
  readonly args: (port: number, dir: string) => readonly string[];
  readonly env?: Record<string, string>;
}

const READY_WITHIN_MS = 20_000;

/** For servers of other kinds too. */
export async function startServer(
  { program, args, env, place = {} }: ServerStart,
): Promise<BucketServer> {
  const dir = place.dir ?? Deno.makeTempDirSync({ prefix: "segno-bucket-" });
  const port = place.port ?? freePort();
  const spawn = () =>
    new Deno.Command(program, {
      args: [...args(port, dir)],
      detached: place.isDetached ?? false,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...env === undefined ? {} : { env },
    }).spawn();
  let child = spawn();
  const server: BucketServer = {
    address: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    dir,
    get pid() {
      return child.pid;
    },
    async stop() {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended by itself
      }
      await child.status;
    },
    pause: () => child.kill("SIGSTOP"),
    goOn: () => child.kill("SIGCONT"),
    async restart() {
      child = spawn();
      await untilItAnswers(program, port);
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      if (place.dir === undefined) Deno.removeSync(dir, { recursive: true });
    },
  };
  try {
    await untilItAnswers(program, port);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** A program out of a Debian package, unpacked and not installed, so that nothing of it is started. */
export async function unpackedDebianProgram(packageName: string, path: string): Promise<string> {
  const folder = `${CACHE}/debian-${packageName}`;
  if (exists(`${folder}/${path}`)) return `${folder}/${path}`;
  Deno.mkdirSync(folder, { recursive: true });
  await run("apt-get", ["update", "-qq"]);
  await run("sh", ["-c", `cd '${folder}' && apt-get download -qq ${packageName}`]);
  await run("sh", ["-c", `cd '${folder}' && dpkg -x ${packageName}_*.deb . && rm *.deb`]);
  return `${folder}/${path}`;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

async function untilItAnswers(program: string, port: number): Promise<void> {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  while (!await answers(port)) {
    if (Date.now() > deadlineMs) throw new Error(`${program} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** A program of a Debian package, installed where it is missing, which only root can. */
export async function debianProgram(name: string, packageName: string): Promise<string> {
  const paths = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map((dir) => `${dir}/${name}`);
  const known = paths.find(exists);
  if (known !== undefined) return known;
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], quiet);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", packageName], quiet);
  return paths.find(exists) ?? name;
}

async function goProgram(module: string, version: string, name?: string): Promise<string> {
  const path = goProgramPath(module, version, name);
  if (!exists(path)) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    await run("go", ["install", `${module}@${version}`], { GOBIN: folder });
  }
  return path;
}

function goProgramPath(
  module: string,
  version: string,
  name = module.slice(module.lastIndexOf("/") + 1),
): string {
  return `${CACHE}/${name}-${version}/${name}`;
}

async function npmProgram(name: string, version: string, script: string): Promise<string> {
  const folder = `${CACHE}/${name}-${version}`;
  const path = `${folder}/node_modules/${name}/${script}`;
  if (!exists(path)) {
    const quiet = ["--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["install", ...quiet, "--prefix", folder, `${name}@${version}`]);
  }
  return path;
}

async function run(command: string, args: string[], env: Record<string, string> = {}) {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" })
      .output();
  } catch (error) {
    throw new NoServerError(`there is no ${command} here`, { cause: error });
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim().split("\n").slice(-3).join("; ");
  throw new NoServerError(`${command} ${args.join(" ")}: ${said}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
