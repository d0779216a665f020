// Between our own processes an error keeps its kind over gRPC: beside the code, which anybody understands,
// it stands in the details of the status, where others do not look.
// Rule: bugs do not cross; whoever asked hears "internal error", and the log of the server the rest.
import { type ErrorData, fromError, toError } from "./error_data.ts";
import { CorruptionError, DeadlineError, InputError, NotFoundError } from "./errors.ts";
import { UnavailableError } from "./errors.ts";
import type { GrpcCall, GrpcMethod } from "./grpc_call.ts";
import type { GrpcMethods } from "./grpc_server.ts";
import { GrpcCode, GrpcError, grpcStatusOf } from "./grpc_status.ts";

const TYPE = "segno/error";
/** Headers have a limit; what is cut off stands in the log. */
const MESSAGE_CHARS_MAX = 2_048;

/** The same methods, whose errors `kindOf` knows again at the other side. */
export function keepingKinds(methods: GrpcMethods): GrpcMethods {
  return Object.fromEntries(
    Object.entries(methods).map(([path, method]) => [path, wrapped(method)]),
  );
}

/** What the other side threw, where it said so; anything else as it is. */
export function kindOf(error: unknown): unknown {
  if (!(error instanceof GrpcError)) return error;
  const detail = error.details.find(({ typeUrl }) => typeUrl === TYPE);
  if (detail === undefined) return error;
  return toError(JSON.parse(new TextDecoder().decode(detail.value)) as ErrorData);
}

function wrapped(method: GrpcMethod): GrpcMethod {
  if (method.kind === "unary") {
    return {
      kind: "unary",
      handle: async (call) => {
        try {
          return await method.handle(call);
        } catch (error) {
          throw withKind(error);
        }
      },
    };
  }
  return {
    kind: "server_stream",
    handle: async function* (call: GrpcCall) {
      try {
        yield* method.handle(call);
      } catch (error) {
        throw withKind(error);
      }
    },
  };
}

function withKind(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const { name, message, code: inputCode, retryAfterMs, offset } = fromError(error);
  const short = message.slice(0, MESSAGE_CHARS_MAX);
  const data = { name, message: short, code: inputCode, retryAfterMs, offset };
  const value = new TextEncoder().encode(JSON.stringify(data));
  return new GrpcError(code, short, [{ typeUrl: TYPE, value }], { cause: error });
}

function codeOf(error: unknown): GrpcCode | undefined {
  if (error instanceof NotFoundError) return GrpcCode.NotFound;
  if (error instanceof CorruptionError) return GrpcCode.DataLoss;
  if (error instanceof DeadlineError) return GrpcCode.DeadlineExceeded;
  const isTyped = error instanceof InputError || error instanceof UnavailableError;
  return isTyped ? grpcStatusOf(error).code : undefined;
}
