// A Kafka log as plain data, so that threads open it each for themselves, and where the tokens of OAUTHBEARER
// come from: they expire, so they are fetched anew for each connection.
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { UnavailableError } from "../../lib/errors.ts";
import type { KafkaLogOptions, KafkaSasl } from "./kafka_options.ts";

export type KafkaTokenSource =
  | { readonly from: "value"; readonly token: string }
  | { readonly from: "file"; readonly path: string }
  /** An HTTP server on a Unix socket, which is asked with GET /. */
  | { readonly from: "socket"; readonly path: string; readonly timeoutMs: number };

type SaslOf<M> = Extract<KafkaSasl, { mechanism: M }>;

export type KafkaSaslSettings =
  | SaslOf<"PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512">
  | (Omit<SaslOf<"OAUTHBEARER">, "token"> & { readonly token: KafkaTokenSource });

export interface KafkaSettings extends Omit<KafkaLogOptions, "sasl"> {
  readonly sasl: KafkaSaslSettings | undefined;
}

export function kafkaOptions({ sasl, ...rest }: KafkaSettings): KafkaLogOptions {
  if (sasl?.mechanism !== "OAUTHBEARER") return { ...rest, sasl };
  const { token: source } = sasl;
  return { ...rest, sasl: { ...sasl, token: () => tokenOf(source) } };
}

/** A file or an answer may hold the token alone, or a JSON object with it in `token`. */
export async function tokenOf(source: KafkaTokenSource): Promise<string> {
  if (source.from === "value") return source.token;
  const where = source.path;
  const text = source.from === "file"
    ? await readFile(where, "utf8").catch((error) => gone(where, error))
    : await askedOf(source);
  const token = wordIn(text.trim());
  if (token === "") throw new UnavailableError(`${where} has no token for Kafka`);
  return token;
}

function wordIn(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    const { token } = JSON.parse(text) as { token?: unknown };
    return typeof token === "string" ? token : "";
  } catch {
    return "";
  }
}

function askedOf({ path, timeoutMs }: Extract<KafkaTokenSource, { from: "socket" }>) {
  return new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath: path, path: "/", timeout: timeoutMs }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => text += part);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new UnavailableError(`${path}: HTTP ${response.statusCode}, not a token`));
      });
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    asked.on("error", (error) => reject(new UnavailableError(`${path}: ${error.message}`)));
    asked.end();
  });
}

function gone(path: string, error: unknown): never {
  throw new UnavailableError(`${path}: ${error}`, { cause: error });
}
