// The messages of streaming queries, as the HTTP requests that ask the same.
// Rule: both ways of asking share parameters, defaults and refusals; so a message is turned into the
// parameters of its HTTP twin and read by the same code. Fields that are zero are not set, fields
// nobody knows are passed over.
//   Search { tags 1 (map), minDurationMs 2, maxDurationMs 3, limit 4, start 5, end 6, query 8,
//            spansPerSpanSet 9 }
//   SearchTags { scope 1, query 2, start 3, end 4, maxTagsPerScope 5, staleValuesThreshold 6 }
//   SearchTagValues { tagName 1, query 2, start 4, end 5, maxTagValues 6, staleValueThreshold 7 }
//   MetricsQueryRange { query 1, start 2, end 3, step 4, exemplars 16, maxSeries 17 }, nanoseconds
//   MetricsQueryInstant { query 1, start 2, end 3 }

import { InputError } from "../lib/errors.ts";
import { ProtobufMessage } from "../lib/protobuf_message.ts";
import { ProtobufError } from "../lib/protobuf_reader.ts";

export interface TwinRequest {
  /** Below `/api`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export function searchTwin(message: Uint8Array): TwinRequest {
  const fields = new Fields(message);
  const tags = fields.maps(1).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return twin("/search", {
    q: fields.text(8),
    tags: tags.join(" "),
    minDuration: withUnit(fields.number(2), "ms"),
    maxDuration: withUnit(fields.number(3), "ms"),
    limit: fields.number(4),
    start: fields.number(5),
    end: fields.number(6),
    spss: fields.number(9),
  });
}

export function tagsTwin(message: Uint8Array, path: string): TwinRequest {
  const fields = new Fields(message);
  return twin(path, {
    scope: fields.text(1),
    q: fields.text(2),
    start: fields.number(3),
    end: fields.number(4),
    limit: fields.number(5),
    maxStaleValues: fields.number(6),
  });
}

export interface TagValuesTwin extends TwinRequest {
  readonly tagName: string;
}

export function tagValuesTwin(message: Uint8Array, path: string): TagValuesTwin {
  const fields = new Fields(message);
  const tagName = fields.text(1);
  const request = twin(`${path}/${encodeURIComponent(tagName)}/values`, {
    q: fields.text(2),
    start: fields.number(4),
    end: fields.number(5),
    limit: fields.number(6),
    maxStaleValues: fields.number(7),
  });
  return { ...request, tagName };
}

export function metricsRangeTwin(message: Uint8Array): TwinRequest {
  const fields = new Fields(message);
  return twin("/metrics/query_range", {
    q: fields.text(1),
    start: fields.number(2),
    end: fields.number(3),
    step: withUnit(fields.number(4), "ns"),
    exemplars: fields.number(16),
    maxSeries: fields.number(17),
  });
}

export function metricsInstantTwin(message: Uint8Array): TwinRequest {
  const fields = new Fields(message);
  return twin("/metrics/query", {
    q: fields.text(1),
    start: fields.number(2),
    end: fields.number(3),
  });
}

function twin(path: string, params: Readonly<Record<string, string>>): TwinRequest {
  const given = Object.entries(params).filter(([, value]) => value !== "");
  return { path, query: new URLSearchParams(given) };
}

function withUnit(value: string, unit: string): string {
  return value === "" ? "" : value + unit;
}

/** As parameters are written: decimal, and "" for what is zero or not set. */
class Fields {
  readonly #message: ProtobufMessage;

  constructor(bytes: Uint8Array) {
    this.#message = readMessage(bytes);
  }

  text(field: number): string {
    return this.#message.text(field);
  }

  number(field: number): string {
    const value = this.#message.integer(field);
    return value === 0n ? "" : String(value);
  }

  maps(field: number): [key: string, value: string][] {
    return this.#message.pairs(field);
  }
}

/** Bytes that are no message are the caller's fault. */
export function readMessage(bytes: Uint8Array): ProtobufMessage {
  try {
    return new ProtobufMessage(bytes);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new InputError("invalid_argument", `broken message: ${error.message}`, { cause: error });
  }
}
