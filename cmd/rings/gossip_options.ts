// The gossip as `memberlist` and `segno.gossip` describe it.
// Rule: a key that would have to be obeyed for safety and cannot be is refused by its name.
import { Certificates } from "../../lib/certificates.ts";
import type { ClientTls } from "../../lib/client_channel.ts";
import { InputError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { GossipListenOptions, parseSeed } from "../../ring/mod.ts";
import { defaultGossipOptions, parseSeed as seedOf } from "../../ring/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Owner } from "../tls.ts";

/** A message of a thousand members in full takes 200 kB. */
const MESSAGE_BYTES_MAX = 16 << 20;
const EXCHANGES_MAX = 64;
const CONNECTIONS_MAX = 256;

export function seedsOf({ memberlist }: Config): ReturnType<typeof parseSeed>[] {
  return memberlist.join_members.filter((text) => text !== "").map(seedOf);
}

export function gossipListenOptions(
  runtime: Runtime,
  config: Config,
  readFile: (path: string) => string,
  owner: Owner,
): GossipListenOptions {
  const { memberlist: keys, segno: { gossip } } = config;
  if (gossip.secret === "" && gossip.former_secret !== "") {
    throw new InputError(
      "invalid_argument",
      "segno.gossip.former_secret is set and segno.gossip.secret is not: nothing would be proved",
    );
  }
  return {
    hostnames: keys.bind_addr.length > 0 ? keys.bind_addr : ["0.0.0.0"],
    port: keys.bind_port,
    cluster: keys.cluster_label,
    takesAnyCluster: keys.cluster_label_verification_disabled,
    secret: gossip.secret,
    formerSecret: gossip.former_secret,
    timeoutMs: keys.stream_timeout,
    messageBytesMax: MESSAGE_BYTES_MAX,
    exchangesMax: EXCHANGES_MAX,
    connectionsMax: CONNECTIONS_MAX,
    tls: tlsOf(runtime, config, readFile, owner),
  };
}

export function gossipOptions({ memberlist: keys }: Config) {
  return {
    ...defaultGossipOptions,
    intervalMs: keys.gossip_interval,
    fanout: Math.max(1, keys.gossip_nodes),
    fullEveryMs: keys.pull_push_interval,
    timeoutMs: keys.stream_timeout,
    retransmitFactor: keys.retransmit_factor,
    keepRemovedMs: keys.left_ingesters_timeout,
  };
}

function tlsOf(
  runtime: Runtime,
  { memberlist }: Config,
  readFile: (path: string) => string,
  owner: Owner,
): ClientTls | undefined {
  if (!memberlist.tls_enabled) return undefined;
  const pem = (key: "tls_cert_path" | "tls_key_path" | "tls_ca_path") => {
    const path = memberlist[key];
    if (path !== "") return { name: `memberlist.${key}`, read: () => readFile(path) };
    throw new InputError(
      "failed_precondition",
      `memberlist.${key} is missing: with tls_enabled members show each other certificates of one authority`,
    );
  };
  for (const key of ["tls_min_version", "tls_cipher_suites"] as const) {
    if (memberlist[key] !== "") throw refusal(key);
  }
  if (memberlist.tls_insecure_skip_verify) throw refusal("tls_insecure_skip_verify");
  const certificates = owner.use(
    new Certificates(runtime, "memberlist", {
      cert: pem("tls_cert_path"),
      key: pem("tls_key_path"),
      ca: pem("tls_ca_path"),
    }),
  );
  return { certificates, serverName: memberlist.tls_server_name };
}

function refusal(key: string): InputError {
  return new InputError(
    "failed_precondition",
    `memberlist.${key}: not in this version; certificates name the addresses that members gossip at, ` +
      "or tls_server_name",
  );
}
