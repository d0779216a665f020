// Names as the machine resolves them: hosts by its own rules (its hosts file and search list, as any
// program on it), services by DNS.
import { lookup, resolveSrv } from "node:dns/promises";
import type { Resolver } from "./seeds.ts";

export const systemResolver: Resolver = {
  async addressesOf(host) {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  },
  async serviceOf(name) {
    return (await resolveSrv(name)).map(({ name, port }) => ({
      host: name.replace(/\.$/, ""),
      port,
    }));
  },
};
