// deno-lint-ignore-file house/no-ambient-world
// A real server in a process of its own, started as `deno task start` starts it, on free ports.
// Rule: whoever starts it disposes of it, and then it is gone, whatever happened to it.
import { parse } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface ServerOptions {
  /** Configuration, the log and blocks are kept below it; another process may go on with it. */
  readonly dir: string;
  /** Ports, unless told; the same ones after a restart let clients connect again. */
  readonly ports?: ServerPorts;
  /** YAML that is put after the ports and paths. */
  readonly config?: string;
  /** YAML below `segno:`, indented by two spaces. */
  readonly segno?: string;
  /** All of the configuration, instead of what is put together here. */
  readonly yaml?: string;
  readonly args?: readonly string[];
  /** Of Deno, beside those of the task. */
  readonly runFlags?: readonly string[];
  /** 0: it is not waited for. */
  readonly readyWithinMs?: number;
  /** Gets all that it says; without, only the end of that is known. */
  readonly logFile?: string;
  /** Knows the server, which speaks TLS, and is known by it. */
  readonly client?: Deno.HttpClient | undefined;
  /** In a process group of its own: Ctrl-C in a terminal is for whoever started it. */
  readonly isDetached?: boolean;
  /** Where the program lies, if it is another than this one; its dependencies are installed there. */
  readonly root?: string;
}

export interface ServerPorts {
  readonly http: number;
  readonly otlpGrpc: number;
  readonly otlpHttp: number;
  readonly grpc: number;
}

export class ServerProcess implements AsyncDisposable {
  readonly ports: ServerPorts;
  readonly dir: string;
  readonly pid: number;
  /** The end of what it said on stderr. */
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  readonly #client: Deno.HttpClient | undefined;
  #status: Deno.CommandStatus | undefined;

  private constructor(
    child: Deno.ChildProcess,
    dir: string,
    ports: ServerPorts,
    logFile: string | undefined,
    client: Deno.HttpClient | undefined,
  ) {
    this.#child = child;
    this.#client = client;
    this.pid = child.pid;
    this.dir = dir;
    this.ports = ports;
    this.#reading = this.#readLines(logFile);
    void child.status.then((status) => this.#status = status);
  }

  /** Resolves when `/ready` says so, if that is wanted. */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const ports = options.ports ?? freePorts();
    const file = `${options.dir}/segno.yaml`;
    Deno.mkdirSync(options.dir, { recursive: true });
    Deno.writeTextFileSync(file, options.yaml ?? configText(options, ports));
    const [command, ...args] = startCommand(options.root ?? ROOT, options.runFlags ?? []);
    const child = new Deno.Command(command!, {
      args: [...args, `-config.file=${file}`, ...options.args ?? []],
      cwd: options.dir,
      detached: options.isDetached ?? false,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn();
    const server = new ServerProcess(child, options.dir, ports, options.logFile, options.client);
    try {
      if (options.readyWithinMs !== 0) {
        await server.#waitUntilReady(options.readyWithinMs ?? 30_000);
      }
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Whether `/ready` says so now. */
  isReady(): Promise<boolean> {
    return isReady(`${this.url}/ready`, this.#client);
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.ports.http}`;
  }

  get otlpUrl(): string {
    return `${this.#scheme}://127.0.0.1:${this.ports.otlpHttp}/v1/traces`;
  }

  get #scheme(): string {
    return this.#client === undefined ? "http" : "https";
  }

  get ended(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  get isRunning(): boolean {
    return this.#status === undefined;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#status?.code;
  }

  /** Ends it without a word, as a crash does. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#child.status;
    await this.#reading;
  }

  /** Asks it to stop, and answers its exit code; one that does not within the time is killed. */
  async stop(withinMs = 30_000): Promise<number> {
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), withinMs);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.kill();
    await this.#reading;
  }

  #signal(signal: Deno.Signal): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  async #waitUntilReady(withinMs: number): Promise<void> {
    const deadlineMs = Date.now() + withinMs;
    while (Date.now() < deadlineMs) {
      if (!this.isRunning) {
        await this.#reading;
        throw new Error(`the server ended with ${this.#status?.code}:\n${this.lines.join("\n")}`);
      }
      if (await this.isReady()) return;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    throw new Error(`not ready after ${withinMs} ms:\n${this.lines.join("\n")}`);
  }

  async #readLines(logFile: string | undefined): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      if (logFile !== undefined) Deno.writeTextFileSync(logFile, text, { append: true });
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.lines.splice(0, this.lines.length - 500);
    }
    if (rest !== "") this.lines.push(rest);
  }
}

async function isReady(url: string, client: Deno.HttpClient | undefined): Promise<boolean> {
  try {
    const response = await fetch(url, client === undefined ? {} : { client });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** The task's own command, so that tests run with the permissions that users do. */
function startCommand(root: string, runFlags: readonly string[]): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  const [deno, ...args] = (tasks.start as string).split(" ");
  if (parse(deno!).name !== "deno") {
    throw new Error(`the task start is not a deno command: ${deno}`);
  }
  const [run, ...rest] = args.map((arg) => arg === "cmd/main.ts" ? `${root}/cmd/main.ts` : arg);
  return [Deno.execPath(), run!, ...runFlags, "--config", `${root}/deno.json`, ...rest];
}

function configText({ config = "", segno = "" }: ServerOptions, ports: ServerPorts): string {
  return `server:
  http_listen_address: 127.0.0.1
  http_listen_port: ${ports.http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: ${ports.grpc}
distributor:
  receivers:
    otlp:
      protocols:
        grpc: {endpoint: "127.0.0.1:${ports.otlpGrpc}"}
        http: {endpoint: "127.0.0.1:${ports.otlpHttp}"}
segno:
  data_path: ./data
${segno}
${config}
`;
}

/** Free a moment ago; another process could take one in between, which a test would then say. */
export function freePorts(): ServerPorts {
  const listeners = Array.from({ length: 4 }, () => {
    return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  });
  const [http, otlpGrpc, otlpHttp, grpc] = listeners.map((one) => (one.addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return { http: http!, otlpGrpc: otlpGrpc!, otlpHttp: otlpHttp!, grpc: grpc! };
}
