// What all our services over gRPC have in common: whose data a call is about, and how it is refused.
import type { GrpcCall } from "../lib/grpc_server.ts";
import { GrpcCode, GrpcError } from "../lib/grpc_status.ts";
import type { Runtime } from "../lib/runtime.ts";
import { CLIENT_CLOSED_REQUEST, statusOf } from "./errors.ts";
import { TENANT_HEADER, tenantOf, type TenantRules } from "./tenant.ts";

export function callTenant(metadata: GrpcCall["metadata"], rules: TenantRules): string {
  const header = metadata.get(TENANT_HEADER.toLowerCase()) ?? null;
  return tenantOf({ get: () => header }, rules);
}

/** By HTTP status, as the peer translates. */
const CODES: Readonly<Record<number, GrpcCode>> = {
  401: GrpcCode.Unauthenticated,
  404: GrpcCode.NotFound,
  429: GrpcCode.ResourceExhausted,
  [CLIENT_CLOSED_REQUEST]: GrpcCode.Cancelled,
};

/** The answers of a call; what fails has the code of its HTTP status and the words of HTTP. */
export async function* inWords(
  runtime: Runtime,
  call: GrpcCall,
  answer: (call: GrpcCall) => AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    yield* answer(call);
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    const status = statusOf(error, call.signal);
    if (status >= 500) runtime.log.error("request failed", { route: call.path, status, error });
    const code = CODES[status] ?? (status >= 500 ? GrpcCode.Internal : GrpcCode.InvalidArgument);
    const message = error instanceof Error ? error.message : String(error);
    throw new GrpcError(code, message, [], { cause: error });
  }
}
