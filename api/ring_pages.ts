// Pages about the rings, for people and, where JSON is accepted, for machines; and what may be done to
// partitions and instances by hand.
// Rules: a POST that did something answers 302 to the page; one that could not, 400 with the reason; one
// that another site made somebody's browser send is refused.
import { Hono } from "hono";
import { InputError } from "../lib/errors.ts";
import { type JudgedInstance, PartitionState } from "../ring/mod.ts";
import { methodNotAllowed, notFound } from "./errors.ts";
import { button, escaped, page, table, wantsJson } from "./html_page.ts";
import { text } from "./ops_routes.ts";
import type { OpsContext } from "./options.ts";
import type {
  InstanceRingApi,
  MemberlistApi,
  PartitionRingApi,
  RingPartition,
  RingsApi,
} from "./ring_options.ts";

type Page = (request: Request) => Response;
type Action = (form: ReadonlyMap<string, string>) => void;

export function ringPages({ runtime: { clock } }: OpsContext, rings: RingsApi): Hono {
  const now = () => clock.now();
  const { partitions, liveStores, distributors, generators, memberlist } = rings;
  const routes = new Hono();
  const add = (path: string, show: Page, act: Action | undefined) =>
    routes.all(path, ({ req }) => answer(req.raw, show, act));
  add("/partition-ring", partitionPage(partitions, now), partitionAction(partitions));
  add("/live-store/ring", instancePage("Live-stores", liveStores, now), forgetAction(liveStores));
  if (distributors !== undefined) {
    const show = instancePage("Distributors", distributors, now);
    add("/distributor/ring", show, forgetAction(distributors));
  }
  if (generators !== undefined) {
    const show = instancePage("Metrics-generators", generators, now);
    add("/metrics-generator/ring", show, forgetAction(generators));
  }
  if (memberlist !== undefined) add("/memberlist", memberlistPage(memberlist), undefined);
  return routes;
}

async function answer(
  request: Request,
  show: Page,
  act: Action | undefined,
): Promise<Response> {
  if (request.method === "GET" || request.method === "HEAD") return show(request);
  if (request.method !== "POST" || act === undefined) return methodNotAllowed();
  if (request.headers.get("Sec-Fetch-Site") === "cross-site") {
    return text("refused: the form is of another site\n", 403);
  }
  try {
    act(await formOf(request));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return text(`${error.message}\n`, 400);
  }
  // So that a page that is loaded again is not sent again.
  return new Response(null, { status: 302, headers: { Location: "#" } });
}

/** Of the body, and of the path's query where the body does not say it. */
async function formOf(request: Request): Promise<ReadonlyMap<string, string>> {
  const query = new URL(request.url).searchParams;
  const body = new URLSearchParams(await request.text());
  return new Map([...query, ...body]);
}

function partitionPage(ring: PartitionRingApi, now: () => number): Page {
  return (request) => {
    const partitions = ring.partitions();
    if (wantsJson(request.headers.get("Accept") ?? undefined)) {
      return Response.json({ partitions: partitions.map(partitionJson) });
    }
    const showsTokens = new URL(request.url).searchParams.get("tokens") === "true";
    const rows = partitions.map((partition) => ({
      cells: partitionCells(partition, showsTokens),
      isBad: partition.owners.length === 0,
    }));
    const heads = ["Partition", "State", "Since", "Owners", "State locked", "Actions"];
    const tokens = showsTokens
      ? '<p><a href="?">Without tokens</a></p>'
      : '<p><a href="?tokens=true">With tokens</a></p>';
    return page(
      "Partition ring",
      `<p>Now: ${timeOf(now())}</p>${
        table(showsTokens ? [...heads, "Tokens"] : heads, rows)
      }${tokens}`,
    );
  };
}

/** As recorded from the peer: the state as its number, tokens always. */
function partitionJson({ id, state, stateMs, isLocked, owners, tokens }: RingPartition) {
  return {
    id,
    corrupted: false,
    state,
    state_timestamp: timeOf(stateMs),
    state_change_locked: isLocked,
    owner_ids: owners,
    tokens: [...tokens],
  };
}

function partitionCells(partition: RingPartition, showsTokens: boolean): string[] {
  const { id, state, stateMs, isLocked, owners, tokens } = partition;
  const others = MOVES[state].map((to) =>
    button(`Make ${PartitionState[to]}`, {
      action: "change_state",
      partition_id: String(id),
      partition_state: `Partition${PartitionState[to]}`,
    })
  );
  const lock = button(isLocked ? "Unlock" : "Lock", {
    action: "change_state_lock",
    partition_id: String(id),
    locked: String(!isLocked),
  });
  return [
    String(id),
    PartitionState[state],
    timeOf(stateMs),
    owners.length === 0 ? "none" : owners.map(escaped).join("<br>"),
    isLocked ? "yes" : "no",
    [...isLocked ? [] : others, lock].join(" "),
    ...showsTokens ? [tokens.join(" ")] : [],
  ];
}

const MOVES: Readonly<Record<PartitionState, readonly PartitionState[]>> = {
  [PartitionState.Pending]: [PartitionState.Active, PartitionState.Inactive],
  [PartitionState.Active]: [PartitionState.Inactive],
  [PartitionState.Inactive]: [PartitionState.Active],
};

function partitionAction(ring: PartitionRingApi): Action {
  return (form) => {
    const action = form.get("action") ?? "";
    if (!["change_state", "change_state_and_lock", "change_state_lock"].includes(action)) {
      throw new InputError("invalid_argument", `unknown action ${JSON.stringify(action)}`);
    }
    const partition = partitionOf(form.get("partition_id"));
    if (action === "change_state_lock") {
      return ring.changeLock(partition, lockOf(form.get("locked")));
    }
    ring.changeState(partition, stateOf(form.get("partition_state")));
    if (action === "change_state_and_lock") ring.changeLock(partition, true);
  };
}

function partitionOf(id: string | undefined): number {
  if (/^\d{1,9}$/.test(id ?? "")) return Number(id);
  throw new InputError("invalid_argument", `invalid partition ID: ${JSON.stringify(id ?? "")}`);
}

function stateOf(word: string | undefined): PartitionState {
  for (const state of [PartitionState.Pending, PartitionState.Active, PartitionState.Inactive]) {
    if (word === `Partition${PartitionState[state]}`) return state;
  }
  throw new InputError(
    "invalid_argument",
    `invalid partition state: ${JSON.stringify(word ?? "")}`,
  );
}

function lockOf(word: string | undefined): boolean {
  if (word === "true" || word === "1") return true;
  if (word === "false" || word === "0") return false;
  throw new InputError("invalid_argument", `invalid locked: ${JSON.stringify(word ?? "")}`);
}

function instancePage(title: string, ring: InstanceRingApi, now: () => number): Page {
  return (request) => {
    const instances = ring.instances();
    if (wantsJson(request.headers.get("Accept") ?? undefined)) {
      const shards = instances.map((instance) => ({
        id: instance.id,
        state: stateText(instance),
        address: instance.address,
        timestamp: timeOf(instance.heartbeatSeconds * 1000),
        registered_timestamp: timeOf(instance.registeredMs),
        zone: instance.zone,
        tokens: [],
      }));
      return Response.json({ shards, now: timeOf(now()) });
    }
    const heads = ["Instance", "Zone", "State", "Address", "Registered", "Heartbeat", "Actions"];
    const rows = instances.map((instance) => ({
      cells: [
        ...[instance.id, instance.zone, stateText(instance), instance.address].map(escaped),
        timeOf(instance.registeredMs),
        `${timeOf(instance.heartbeatSeconds * 1000)}, heard ${secondsOf(instance.silentMs)} ago`,
        button("Forget", { forget: instance.id }),
      ],
      isBad: !instance.isHealthy,
    }));
    return page(`Ring: ${title}`, `<p>Now: ${timeOf(now())}</p>${table(heads, rows)}`);
  };
}

function forgetAction(ring: InstanceRingApi): Action {
  return (form) => {
    const id = form.get("forget") ?? "";
    if (id === "") throw new InputError("invalid_argument", "forget names no instance");
    ring.forget(id);
  };
}

function memberlistPage(memberlist: MemberlistApi): Page {
  return (request) => {
    const query = new URL(request.url).searchParams;
    const download = query.get("downloadKey");
    const key = download ?? query.get("viewKey");
    const isJson = wantsJson(request.headers.get("Accept") ?? undefined);
    if (query.has("viewMsg")) return text("message not found: none are kept\n", 404);
    if (key !== null) return keyPage(memberlist, key, download !== null, isJson);
    const { name, address } = memberlist;
    const members = memberlist.members();
    if (isJson) {
      const store = memberlist.keys().map((key) => [key, memberlist.value(key)]);
      return Response.json({
        node: { name, address },
        members: members.map(({ id, ring, gossip, zone, ...rest }) => ({
          id,
          ring,
          address: gossip,
          zone,
          state: stateText(rest),
        })),
        store: Object.fromEntries(store),
      });
    }
    const rows = members.map((member) => ({
      cells: [member.id, member.ring, member.gossip, member.zone, stateText(member)].map(escaped),
      isBad: !member.isHealthy,
    }));
    const keys = memberlist.keys().map((key) => ({
      cells: [
        escaped(key),
        `<a href="?viewKey=${encodeURIComponent(key)}">View</a> ` +
        `<a href="?downloadKey=${encodeURIComponent(key)}">Download</a>`,
      ],
    }));
    return page(
      "Memberlist",
      `<p>This is ${escaped(name)} at ${escaped(address)}.</p>` +
        `<h2>Members</h2>${table(["Member", "Ring", "Address", "Zone", "State"], rows)}` +
        `<h2>Keys</h2>${table(["Key", "Value"], keys)}`,
    );
  };
}

function keyPage(
  memberlist: MemberlistApi,
  key: string,
  isDownload: boolean,
  isJson: boolean,
): Response {
  const value = memberlist.value(key);
  if (value === undefined) return notFound();
  if (isDownload) {
    const name = key.replaceAll(/[^\w.-]/g, "-");
    return Response.json(value, {
      headers: { "Content-Disposition": `attachment; filename="${name}.json"` },
    });
  }
  if (isJson) return Response.json(value);
  const told = JSON.stringify(value, undefined, 2);
  return page(`Key ${key}`, `<p><a href="?">Memberlist</a></p><pre>${escaped(told)}</pre>`);
}

function stateText({ isHealthy, state }: Pick<JudgedInstance, "isHealthy" | "state">): string {
  return isHealthy ? state : "Unhealthy";
}

/** RFC 3339 in whole seconds. */
function timeOf(ms: number): string {
  // What another member wrote may be no time at all.
  const date = new Date(Number.isFinite(ms) ? ms : 0);
  return Number.isNaN(date.getTime()) ? "" : `${date.toISOString().slice(0, 19)}Z`;
}

function secondsOf(ms: number): string {
  return `${Math.round(ms / 1000)}s`;
}
