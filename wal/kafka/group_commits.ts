// The offsets that consumer groups have committed, through the admin API: partitions are assigned by
// the program itself, so nobody joins a group and nothing rebalances.
// Rule: a commit below what this process knows to be committed changes nothing.
import type { Admin } from "@platformatic/kafka";
import { kafkaError } from "./kafka_errors.ts";

export class GroupCommits {
  /** By group and partition: the highest that is known to be committed. */
  readonly #known = new Map<string, number>();
  readonly #turns = new Map<string, Promise<void>>();

  constructor(readonly admin: Admin, readonly topic: string) {}

  async committed(group: string, partition: number): Promise<number | undefined> {
    try {
      const groups = await this.admin.listConsumerGroupOffsets({
        groups: [{ groupId: group, topics: [{ name: this.topic, partitionIndexes: [partition] }] }],
      });
      const found = groups[0]?.topics[0]?.partitions[0]?.committedOffset ?? -1n;
      if (found < 0n) return undefined;
      const offset = Number(found);
      this.#known.set(nameOf(group, partition), offset);
      return offset;
    } catch (error) {
      throw kafkaError(error, `committed offset of ${group}, partition ${partition}`);
    }
  }

  /** Commits of one group and partition take turns, so that a later one never comes first. */
  async commit(group: string, partition: number, offset: number): Promise<void> {
    const name = nameOf(group, partition);
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#commit(group, partition, offset));
    this.#turns.set(name, turn);
    await turn;
  }

  async #commit(group: string, partition: number, offset: number): Promise<void> {
    const name = nameOf(group, partition);
    const known = this.#known.get(name) ?? await this.committed(group, partition) ?? 0;
    if (offset <= known) return;
    try {
      await this.admin.alterConsumerGroupOffsets({
        groupId: group,
        topics: [{
          name: this.topic,
          partitionOffsets: [{ partition, offset: BigInt(offset) }],
        }],
      });
    } catch (error) {
      throw kafkaError(error, `commit of ${group}, partition ${partition}, offset ${offset}`);
    }
    this.#known.set(name, offset);
  }
}

const nameOf = (group: string, partition: number) => `${group}/${partition}`;
