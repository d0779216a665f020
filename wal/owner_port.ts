// The owner of an embedded log, asked by a reader in another thread: what the owner's end of a port answers, and the
// owner as the reader's end sees it.
import type { RpcPeer } from "../lib/port_rpc.ts";
import type { LogDamage, LogOwner } from "./durable_state.ts";

interface GroupCall {
  readonly group: string;
  readonly partition: number;
}

interface CommitCall extends GroupCall {
  readonly offset: number;
}

/** For the owner's end. */
export function ownerHandlers(log: LogOwner) {
  return {
    commit: ({ group, partition, offset }: CommitCall) => log.commit(group, partition, offset),
    committedOffset: ({ group, partition }: GroupCall) => log.committedOffset(group, partition),
    reportDamage: (damage: LogDamage) => log.reportDamage(damage),
  };
}

/** Behind a port whose other end has them. */
export function ownerBehind(peer: RpcPeer): LogOwner {
  return {
    commit: (group, partition, offset) => peer.call("commit", { group, partition, offset }),
    committedOffset: (group, partition) => peer.call("committedOffset", { group, partition }),
    reportDamage: (damage) => void peer.call("reportDamage", damage),
  };
}
