// Where everything of a cluster is: as lines for people, and as JSON for programs.
import type { Cluster } from "./cluster.ts";
import { BUCKET, TOPIC } from "./cluster.ts";
import type { Member } from "../../tests/support/fleet.ts";

export interface Addresses {
  /** Of query frontends. */
  readonly queries: readonly string[];
  readonly otlpHttp: readonly string[];
  readonly otlpGrpc: readonly string[];
  readonly rings: readonly string[];
  readonly jobs: string;
  readonly s3: string;
  readonly bucket: string;
  readonly kafka: string;
  readonly topic: string;
  readonly dir: string;
  readonly members: readonly MemberAddress[];
  /** Of all processes, Kafka and S3 first. */
  readonly pids: readonly number[];
}

export interface MemberAddress {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
}

const RING_PAGES = ["/partition-ring", "/live-store/ring", "/distributor/ring", "/memberlist"];

export function addressesOf({ fleet, kafka, s3, dir, pids }: Cluster): Addresses {
  const urls = (target: string, of: (member: Member) => string) => fleet.of(target).map(of);
  const first = fleet.of("distributor")[0]!;
  return {
    queries: urls("query-frontend", ({ url }) => url),
    otlpHttp: urls("distributor", ({ otlpUrl }) => otlpUrl),
    otlpGrpc: urls("distributor", ({ ports }) => `127.0.0.1:${ports.otlpGrpc}`),
    rings: RING_PAGES.map((page) => `${first.url}${page}`),
    jobs: `${fleet.of("backend-scheduler")[0]!.url}/status/backendscheduler`,
    s3: s3.url,
    bucket: BUCKET,
    kafka: kafka.addresses.join(","),
    topic: TOPIC,
    dir,
    members: fleet.members.map(({ spec, url, process }) => ({
      name: spec.name,
      url,
      pid: process?.pid,
    })),
    pids,
  };
}

export function addressLines(addresses: Addresses): string[] {
  const { queries, otlpHttp, otlpGrpc, rings, jobs, s3, bucket, kafka, topic, dir } = addresses;
  const rows: (readonly [string, string])[] = [
    ...queries.map((url, i) => [i === 0 ? "queries" : "", url] as const),
    ...otlpHttp.map((url, i) => [i === 0 ? "OTLP over HTTP" : "", url] as const),
    ...otlpGrpc.map((address, i) => [i === 0 ? "OTLP over gRPC" : "", address] as const),
    ...rings.map((url, i) => [i === 0 ? "rings" : "", url] as const),
    ["jobs on blocks", jobs],
    ["S3", `${s3}, bucket ${bucket}, keys test and testsecret`],
    ["Kafka", `${kafka}, topic ${topic}`],
    ["logs", `${dir}/*/segno.log`],
  ];
  const name = Math.max(...addresses.members.map((member) => member.name.length));
  const members = addresses.members.map((member) =>
    `  ${member.name.padEnd(name)}  ${member.url}/status  pid ${member.pid ?? "none"}`
  );
  return [...rows.map(([label, value]) => `  ${label.padEnd(16)}${value}`), "", ...members];
}
