// deno-lint-ignore-file house/no-ambient-world
// A real Prometheus that takes remote writes, and its questions.
// Rule: whoever starts it disposes of it, and then it is gone with all that it has stored.
import { type BucketServer, startServer, unpackedDebianProgram } from "./bucket_servers.ts";

const CONFIG = `global: {scrape_interval: 1h}
storage: {exemplars: {max_exemplars: 10000}}
`;

export interface Labelled {
  readonly metric: Readonly<Record<string, string>>;
}

export interface RawSeries extends Labelled {
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

export class PrometheusServer implements AsyncDisposable {
  private constructor(readonly server: BucketServer) {}

  static async start(): Promise<PrometheusServer> {
    const program = await unpackedDebianProgram("prometheus", "usr/bin/prometheus");
    return new PrometheusServer(
      await startServer({
        program,
        args: (port, dir) => {
          Deno.writeTextFileSync(`${dir}/prometheus.yaml`, CONFIG);
          return [
            `--config.file=${dir}/prometheus.yaml`,
            `--storage.tsdb.path=${dir}/data`,
            `--web.listen-address=127.0.0.1:${port}`,
            "--web.enable-remote-write-receiver",
            "--enable-feature=exemplar-storage,native-histograms",
          ];
        },
      }),
    );
  }

  get writeUrl(): string {
    return `${this.server.url}/api/v1/write`;
  }

  /** An instant query; empty while it replays after a restart. */
  async query(expression: string): Promise<(Labelled & { readonly value: number })[]> {
    const { result = [] } = await this.#ask("query", { query: expression });
    return result.map((
      { metric, value }: { metric: Labelled["metric"]; value: [number, string] },
    ) => ({
      metric,
      value: Number(value[1]),
    }));
  }

  /** Every sample of the last ten minutes. */
  async samples(selector: string): Promise<RawSeries[]> {
    const { result = [] } = await this.#ask("query", { query: `${selector}[10m]` });
    return result;
  }

  async exemplars(expression: string): Promise<Record<string, string>[]> {
    const now = Date.now() / 1000;
    const found = await this.#ask("query_exemplars", {
      query: expression,
      start: String(now - 600),
      end: String(now + 60),
    });
    return (Array.isArray(found) ? found : []).flatMap(({ exemplars }) =>
      exemplars.map(({ labels }: { labels: Record<string, string> }) => labels)
    );
  }

  /** What its counters have counted in all, by the values of a label; a fall is a beginning anew. */
  async counted(selector: string, label: string): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { metric, values } of await this.samples(selector)) {
      const of = metric[label] ?? "";
      let before = 0;
      for (const [, text] of values) {
        const value = Number(text);
        sums[of] = (sums[of] ?? 0) + (value >= before ? value - before : value);
        before = value;
      }
    }
    return sums;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  // deno-lint-ignore no-explicit-any
  async #ask(path: string, parameters: Record<string, string>): Promise<any> {
    try {
      const url = `${this.server.url}/api/v1/${path}?${new URLSearchParams(parameters)}`;
      const response = await fetch(url);
      const body = await response.json();
      return body.data ?? {};
    } catch {
      return {}; // it is away, or has just come back
    }
  }
}
