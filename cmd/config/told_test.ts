import assert from "node:assert/strict";
import { parse } from "yaml";

import { type Config, ConfigSchema, defaultConfig } from "./schema.ts";
import { tellChanges, tellConfig } from "./told.ts";

const parsed = (data: unknown): Config => ConfigSchema.parse(data);

Deno.test("a configuration told is read again as the same", () => {
  const config = parsed({
    live_store: { max_trace_idle: "1h30m" },
    segno: { workers: 3 },
    distributor: { receivers: { otlp: { protocols: { http: {} } } } },
    overrides: { defaults: { read: { span_pruning_enabled: true } } },
  });
  assert.deepEqual(parsed(parse(tellConfig(config))), config);
});

Deno.test("only what is not as in the defaults is told as a change", () => {
  assert.equal(tellChanges(defaultConfig()), "{}\n");
  const config = parsed({ segno: { workers: 3 }, live_store: { max_trace_idle: "7s" } });
  assert.deepEqual(parse(tellChanges(config)), {
    segno: { workers: 3 },
    live_store: { max_trace_idle: "7s" },
  });
});

Deno.test("no secret is told, neither a known one nor one in what is passed on", () => {
  const text = tellConfig(parsed({
    ingest: { kafka: { sasl_password: "hush1" } },
    storage: {
      trace: {
        s3: { secret_key: "hush2", sse: { encryption_key: "hush3" } },
        azure: { storage_account_key: "hush4" },
      },
    },
    metrics_generator: {
      storage: {
        remote_write: [{
          url: "http://x",
          basic_auth: { username: "me", password: "hush5" },
          headers: { Authorization: "hush6", "X-Api-Key": "hush7" },
        }],
      },
    },
    cache: { caches: [{ roles: ["bloom"], redis: { endpoint: "r", password: "hush8" } }] },
    overrides: {
      defaults: { metrics_generator: { remote_write_headers: { authorization: "hush9" } } },
    },
  }));
  assert.doesNotMatch(text, /hush/);
  assert.match(text, /username: me/);
  assert.equal(text.match(/<secret>/g)?.length, 9);
});
