// The shop that the load pretends to be: thirty services, what they do and whom they call.
// Names and values follow the OpenTelemetry semantic conventions, old and new, as real fleets mix
// them.
import type { Random } from "../../lib/random.ts";

export type Work = "http" | "rpc" | "db" | "cache" | "queue" | "internal";

export interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly language: string;
  readonly pods: readonly string[];
  readonly operations: readonly Operation[];
}

export interface Operation {
  readonly work: Work;
  readonly name: string;
  /** With `#` for digits that differ from call to call. */
  readonly path: string;
  readonly method: string;
}

const NAMES = [
  "frontend,checkout,cart,catalogue,recommendation,search,pricing,currency,payment,fraud",
  "shipping,quote,email,notification,account,session,auth,profile,loyalty,review",
  "inventory,warehouse,supplier,order-history,invoice,tax,image-resize,ad,feature-flag,audit",
].join().split(",");
const NAMESPACES = ["shop", "shop", "payments", "logistics", "platform"];
const LANGUAGES = ["go", "java", "nodejs", "python", "dotnet", "rust"];
const NOUNS = ["orders", "products", "users", "carts", "items", "quotes", "sessions", "invoices"];
const VERBS = ["get", "list", "create", "update", "validate", "reserve", "enrich", "score"];
const TABLES = ["orders", "order_items", "users", "stock", "prices", "payments", "events"];

export function shop(random: Random): Service[] {
  return NAMES.map((name, index) => ({
    name,
    namespace: NAMESPACES[index % NAMESPACES.length]!,
    version: `${1 + int(random, 4)}.${int(random, 30)}.${int(random, 10)}`,
    language: pick(random, LANGUAGES),
    pods: Array.from(
      { length: 2 + int(random, 6) },
      () => `${name}-${letters(random, 9)}-${letters(random, 5)}`,
    ),
    operations: operations(random, name),
  }));
}

function operations(random: Random, service: string): Operation[] {
  const noun = NOUNS[int(random, NOUNS.length)]!;
  const table = pick(random, TABLES);
  const http = (method: string, path: string): Operation => ({
    work: "http",
    name: `${method} ${path.replaceAll(/#+/g, "{id}")}`,
    path,
    method,
  });
  const other = (work: Work, name: string, method = ""): Operation => ({
    work,
    name,
    path: "",
    method,
  });
  return [
    http("GET", `/api/v1/${noun}/########`),
    http("GET", `/api/v1/${noun}`),
    http("POST", `/api/v1/${noun}`),
    http("PUT", `/api/v1/${noun}/########/items/####`),
    other("rpc", `shop.${camel(service)}Service/${camel(pick(random, VERBS))}${camel(noun)}`),
    other("rpc", `shop.${camel(service)}Service/${camel(pick(random, VERBS))}`),
    other("db", `SELECT shop.${table}`, "SELECT"),
    other("db", `INSERT shop.${table}`, "INSERT"),
    other("db", `UPDATE shop.${table}`, "UPDATE"),
    other("cache", "GET", "GET"),
    other("cache", "SETEX", "SETEX"),
    other("queue", `${noun}-events publish`, "publish"),
    other("internal", `${pick(random, VERBS)}_${noun}`),
    other("internal", `${service}.${pick(random, VERBS)}`),
  ];
}

export const int = (random: Random, below: number) => Math.floor(random.next() * below);
export const pick = <T>(random: Random, from: readonly T[]) => from[int(random, from.length)]!;
export const letters = (random: Random, length: number) =>
  Array.from({ length }, () => "bcdfghjklmnpqrstvwxz2456789"[int(random, 27)]).join("");
const camel = (text: string) =>
  text.split("-").map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("");
