// The real @grpc/grpc-js client with messages as bytes, for tests of our servers.
import * as grpc from "@grpc/grpc-js";

const identity = (bytes: Uint8Array) => Buffer.from(bytes);

export class GrpcClient implements Disposable {
  readonly #client: grpc.Client;

  constructor(port: number, options: grpc.ClientOptions = {}) {
    const credentials = grpc.credentials.createInsecure();
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      ...options,
    });
  }

  unary(
    path: string,
    message: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
    options: grpc.CallOptions = {},
    started: (call: grpc.ClientUnaryCall) => void = () => {},
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const finish = (error: grpc.ServiceError | null, answer?: Uint8Array) =>
        error ? reject(error) : resolve(Uint8Array.from(answer!));
      started(
        this.#client.makeUnaryRequest(
          path,
          identity,
          identity,
          message,
          metadataOf(headers),
          options,
          finish,
        ),
      );
    });
  }

  /** The error of a call that must fail. */
  async refusal(...call: Parameters<GrpcClient["unary"]>): Promise<grpc.ServiceError> {
    try {
      await this.unary(...call);
    } catch (error) {
      return error as grpc.ServiceError;
    }
    throw new Error("was not refused");
  }

  stream(
    path: string,
    message: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
    options: grpc.CallOptions = {},
  ): grpc.ClientReadableStream<Uint8Array> {
    return this.#client.makeServerStreamRequest(
      path,
      identity,
      (bytes) => Uint8Array.from(bytes),
      message,
      metadataOf(headers),
      options,
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** All messages of a stream and how it ended. */
export function drain(
  stream: grpc.ClientReadableStream<Uint8Array>,
): Promise<{ messages: Uint8Array[]; status: grpc.StatusObject }> {
  const messages: Uint8Array[] = [];
  return new Promise((resolve) => {
    stream.on("data", (message) => messages.push(message));
    stream.on("error", () => {}); // the status says it
    stream.on("status", (status) => resolve({ messages, status }));
  });
}

function metadataOf(headers: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
