// The gossip of a process: its listener, the way out, and the first meeting with the others.
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { backoffMs, sleep } from "../../lib/waiting.ts";
import {
  Gossip,
  type GossipListener,
  hostPort,
  HttpGossipTransport,
  listenForGossip,
  type ReplicatedMap,
  type Resolver,
  Seeds,
} from "../../ring/mod.ts";
import type { Config } from "../config/mod.ts";
import { type Interface, machineAddress } from "./addresses.ts";
import { gossipListenOptions, gossipOptions, seedsOf } from "./gossip_options.ts";

/** Whose gossip it is, and where. */
export interface Surroundings {
  readonly hostname: string;
  readonly interfaces: readonly Interface[];
  readonly resolver: Resolver;
  readonly readFile: (path: string) => string;
}

export interface OpenGossip extends AsyncDisposable {
  readonly gossip: Gossip;
  /** What others call this process. */
  readonly nodeName: string;
  readonly listener: GossipListener;
}

export async function openGossip(
  runtime: Runtime,
  config: Config,
  { hostname, interfaces, resolver, readFile }: Surroundings,
  map: ReplicatedMap,
): Promise<OpenGossip> {
  const { memberlist: keys } = config;
  await using stack = new AsyncDisposableStack();
  const listenOptions = gossipListenOptions(runtime, config, readFile, stack);
  const seeds = new Seeds(runtime, resolver, seedsOf(config));
  // The listener's port is part of what the gossip is made of, and messages may come before that is made.
  const made: { gossip?: Gossip } = {};
  const receive = (message: Uint8Array) => {
    if (made.gossip === undefined) throw new UnavailableError("the gossip is starting");
    return made.gossip.receive(message);
  };
  const listener = stack.use(await listenForGossip(runtime, receive, listenOptions));
  const transport = stack.use(new HttpGossipTransport(runtime, listenOptions));
  const here = keys.bind_addr.find((address) => address !== "0.0.0.0" && address !== "::") ??
    machineAddress(interfaces, "memberlist.bind_addr", [], false);
  const address = keys.advertise_addr === ""
    ? hostPort(here, listener.port)
    : hostPort(keys.advertise_addr, keys.advertise_port);
  const base = keys.node_name || hostname;
  const name = `${base}-${runtime.random.uuid().slice(0, 8)}`;
  const nodeName = keys.randomize_node_name ? name : base;
  const options = { ...gossipOptions(config), name, address, seeds: () => seeds.addresses() };
  const gossip = made.gossip = stack.use(new Gossip(runtime, transport, map, options));
  runtime.log.info("gossip listening", { address, port: listener.port, name });
  const opened = stack.move();
  return { gossip, listener, nodeName, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** One try, unless a process that stays alone is of no use. */
export async function joinCluster(runtime: Runtime, config: Config, gossip: Gossip): Promise<void> {
  const { memberlist: keys } = config;
  if (seedsOf(config).length === 0) return;
  const { clock, random, log } = runtime;
  const signal = new AbortController().signal;
  const triesMax = keys.abort_if_cluster_join_fails ? Math.max(1, keys.max_join_retries) : 1;
  const backoff = { minMs: keys.min_join_backoff, maxMs: keys.max_join_backoff };
  for (let tries = 1; tries <= triesMax; tries++) {
    if (await gossip.round(signal) > 0) return;
    log.info("nobody to join has answered yet", { tries, members: keys.join_members.join(", ") });
    if (tries < triesMax) await sleep(clock, backoffMs(backoff, tries, random), signal);
  }
  if (keys.abort_if_cluster_join_fails) {
    throw new UnavailableError(
      `memberlist.join_members: none of ${
        keys.join_members.join(", ")
      } answered ${triesMax} times, ` +
        "and abort_if_cluster_join_fails is set",
    );
  }
}
