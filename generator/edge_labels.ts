// The labels of a call between two services.
// Rules: a dimension is told of each side with a prefix, or once, and then the called side has the last
// word; a side that does not show has a name only.

import type { Party } from "./edge_sides.ts";
import { labelName, ownLabelName } from "./label_names.ts";
import type { Label } from "./series.ts";
import type { ServiceGraphSettings } from "./settings.ts";

/** Numbers, because they are part of what an edge is looked up by. */
export const enum Connection {
  Direct,
  Messaging,
  Database,
  /** The called side does not show. */
  VirtualServer,
  /** The calling side does not show. */
  VirtualClient,
}

const TYPES = ["", "messaging_system", "database", "virtual_node", "virtual_node"];
const TAKEN = ["client", "server", "connection_type", "virtual_node"];
/** Who calls where nobody says who. */
const USER = "user";

export class EdgeLabels {
  readonly #names: readonly string[];

  constructor(readonly settings: ServiceGraphSettings) {
    const { dimensions, hasPrefixes } = settings;
    this.#names = dimensions.map((key) => hasPrefixes ? labelName(key) : ownLabelName(key, TAKEN));
  }

  of(client: Party | undefined, server: Party | undefined, connection: Connection): Label[] {
    const labels: Label[] = [
      ["client", client?.service ?? (server!.peer || USER)],
      [
        "server",
        server?.service ?? (connection === Connection.Database ? client!.database : client!.peer),
      ],
      ["connection_type", TYPES[connection]!],
    ];
    const { hasPrefixes, hasVirtualNodeLabel } = this.settings;
    if (hasVirtualNodeLabel) labels.push(["virtual_node", virtualNode(connection)]);
    const seen = new Set(labels.map(([name]) => name));
    const put = (name: string, value: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      labels.push([name, value]);
    };
    for (const [i, name] of this.#names.entries()) {
      if (name === "") continue;
      const ofClient = client?.dimensions[i] ?? "";
      const ofServer = server?.dimensions[i] ?? "";
      if (hasPrefixes) {
        put(`client_${name}`, ofClient);
        put(`server_${name}`, ofServer);
      } else put(name, ofServer || ofClient);
    }
    return labels;
  }
}

function virtualNode(connection: Connection): string {
  if (connection === Connection.VirtualServer) return "server";
  return connection === Connection.VirtualClient ? "client" : "";
}
