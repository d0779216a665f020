// Jobs that wait, by tenant: whoever takes gets one tenant's after another's in turn, so that a tenant with
// a thousand jobs makes another with one wait for one turn.
// Rule: a tenant has so many jobs waiting and no more; what is more is refused, not dropped.
import { InputError } from "../../lib/errors.ts";

export interface QueuedJob {
  readonly tenant: string;
  /** Jobs of one question may be taken together. */
  readonly question: object;
  /** Not with others, even of its question. */
  readonly isAlone?: boolean;
}

export class FairQueue<J extends QueuedJob> {
  /** In the order of their turns. */
  readonly #byTenant = new Map<string, J[]>();

  constructor(readonly perTenantMax: number) {}

  /** How many of a tenant wait. */
  waiting(tenant: string): number {
    return this.#byTenant.get(tenant)?.length ?? 0;
  }

  push(job: J): void {
    if (this.perTenantMax > 0 && this.waiting(job.tenant) >= this.perTenantMax) {
      throw new InputError("resource_exhausted", "job queue full");
    }
    this.put(job);
  }

  /** Of a job that was taken from another queue: it is not refused. */
  put(job: J): void {
    const jobs = this.#byTenant.get(job.tenant);
    if (jobs === undefined) this.#byTenant.set(job.tenant, [job]);
    else jobs.push(job);
  }

  /** Whatever waits. */
  takeAll(): J[] {
    const all = [...this.#byTenant.values()].flat();
    this.#byTenant.clear();
    return all;
  }

  /** The next tenant's first job, and those after it of the same question; undefined if none waits. */
  take(batchMax: (first: J) => number): J[] | undefined {
    for (const [tenant, jobs] of this.#byTenant) {
      const first = jobs[0]!;
      const most = first.isAlone === true ? 1 : batchMax(first);
      let count = 1;
      while (count < most && isWith(first, jobs[count])) count++;
      const batch = jobs.splice(0, count);
      this.#byTenant.delete(tenant);
      if (jobs.length > 0) this.#byTenant.set(tenant, jobs); // behind all others
      return batch;
    }
    return undefined;
  }

  /** Takes a question's jobs out: it has ended. */
  drop(tenant: string, question: object): void {
    const jobs = this.#byTenant.get(tenant);
    if (jobs === undefined) return;
    const left = jobs.filter((job) => job.question !== question);
    if (left.length === 0) this.#byTenant.delete(tenant);
    else jobs.splice(0, jobs.length, ...left);
  }
}

function isWith(first: QueuedJob, next: QueuedJob | undefined): boolean {
  return next !== undefined && next.question === first.question && next.isAlone !== true;
}
