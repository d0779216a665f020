// The ports of a cluster: the same ones each time, in tens, so that an address once noted stays right.
//
//   base             Kafka, its controller, S3
//   base+10, +20     query-frontends of the zones: HTTP, gRPC, OTLP gRPC, OTLP HTTP, gossip
//   base+30, +40     distributors of the zones
//   base+50, +60 …   all others, in their order
import type { MemberPorts } from "../../tests/support/fleet.ts";

const STEP = 10;
const FIXED = [
  "query-frontend-zone-a",
  "query-frontend-zone-b",
  "distributor-zone-a",
  "distributor-zone-b",
];

export interface ClusterPorts {
  readonly kafka: number;
  readonly controller: number;
  readonly s3: number;
  /** In the order of the names. */
  readonly members: readonly MemberPorts[];
}

export function clusterPorts(base: number, names: readonly string[]): ClusterPorts {
  const others = names.filter((name) => !FIXED.includes(name));
  const places = [...FIXED, ...others];
  return {
    kafka: base,
    controller: base + 1,
    s3: base + 2,
    members: names.map((name) => {
      const http = base + STEP * (1 + places.indexOf(name));
      return { http, grpc: http + 1, otlpGrpc: http + 2, otlpHttp: http + 3, gossip: http + 4 };
    }),
  };
}

export function allPorts({ kafka, controller, s3, members }: ClusterPorts): number[] {
  return [kafka, controller, s3, ...members.flatMap((ports) => Object.values(ports) as number[])];
}
