// Keys that every ring has, and `memberlist`, through which rings are told.
import { z } from "zod";

import {
  anything,
  count,
  duration,
  flag,
  port,
  section,
  text,
  texts,
  tlsClientKeys,
  word,
} from "../keys.ts";

const kvstore = () =>
  section({
    store: word(["memberlist", "inmemory", "consul", "etcd", "multi", ""], "memberlist"),
    prefix: text("collectors/"),
    consul: anything(),
    etcd: anything(),
    multi: anything(),
  });

export const ring = (defaults: { heartbeat_period: string; heartbeat_timeout: string }) =>
  section({
    kvstore: kvstore(),
    heartbeat_period: duration(defaults.heartbeat_period),
    heartbeat_timeout: duration(defaults.heartbeat_timeout),
    instance_id: text().describe("empty: the host's name"),
    instance_zone: text(),
    instance_availability_zone: text(),
    instance_interface_names: texts(),
    instance_addr: text(),
    instance_port: port(0),
    instance_enable_ipv6: flag(),
  });

export const partitionRing = section({
  kvstore: kvstore(),
  min_partition_owners_count: count(1),
  min_partition_owners_duration: duration("10s"),
  delete_inactive_partition_after: duration("13h"),
});

export const workerRing = section({
  kvstore: kvstore(),
  heartbeat_period: duration("5s"),
  heartbeat_timeout: duration("1m"),
  wait_stability_min_duration: duration("1m"),
  wait_stability_max_duration: duration("5m"),
  wait_active_instance_timeout: duration("10m"),
  instance_id: text(),
  instance_interface_names: texts(),
  instance_addr: text(),
  instance_port: port(0),
  instance_enable_ipv6: flag(),
});

export const memberlist = section({
  node_name: text(),
  randomize_node_name: flag(true),
  stream_timeout: duration("2s"),
  retransmit_factor: count(2),
  pull_push_interval: duration("30s"),
  gossip_interval: duration("1s"),
  gossip_nodes: count(2),
  gossip_to_dead_nodes_time: duration("30s"),
  dead_node_reclaim_time: duration("0s"),
  compression_enabled: flag(),
  advertise_addr: text(),
  advertise_port: port(7946),
  cluster_label: text(),
  cluster_label_verification_disabled: flag(),
  join_members: texts(),
  min_join_backoff: duration("1s"),
  max_join_backoff: duration("1m"),
  max_join_retries: count(10),
  abort_if_cluster_join_fails: flag(),
  rejoin_interval: duration("0s"),
  left_ingesters_timeout: duration("5m"),
  leave_timeout: duration("20s"),
  message_history_buffer_bytes: count(0),
  bind_addr: z.union([z.array(z.string()), z.string().transform((one) => [one])]).default([]),
  bind_port: port(7946),
  packet_dial_timeout: duration("2s"),
  packet_write_timeout: duration("5s"),
  ...tlsClientKeys,
});
