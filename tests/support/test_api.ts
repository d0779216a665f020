// The HTTP surface over a fake frontend, asked without a socket.
import { type ApiDeps, type ApiOptions, createApi, defaultApiOptions } from "../../api/mod.ts";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { defaultLimits } from "../../model/limits.ts";
import { FakeFrontend } from "./fake_frontend.ts";

/** 2026-01-01T14:00:00Z: two hours after the golden traces begin. */
export const NOW_MS = 1_767_276_000_000;

export interface TestApi {
  readonly frontend: FakeFrontend;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: string): Promise<Response>;
  send(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string,
  ): Promise<Response>;
  metrics(): Promise<string>;
}

export function createTestApi(
  deps: Partial<ApiDeps> = {},
  options: Partial<ApiOptions> = {},
): TestApi {
  const runtime = createRuntime({ clock: new SimulatedClock(NOW_MS) });
  const frontend = new FakeFrontend();
  const metrics = () => runtime.metrics.text();
  const api = createApi(
    runtime,
    { ...testDeps(frontend), metricsText: metrics, ...deps },
    { ...defaultApiOptions, ...options },
  );
  const send = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body: string | null = null,
  ) => api.fetch(new Request(`http://segno${path}`, { method, headers, body }));
  const post = (path: string, body: string) =>
    api.fetch(new Request(`http://segno${path}`, { method: "POST", body }));
  return { frontend, post, send, get: (path, headers) => send("GET", path, headers), metrics };
}

export function testDeps(frontend = new FakeFrontend()): ApiDeps {
  return {
    frontend,
    limits: () => defaultLimits,
    overrides: {
      defaults: () => ({}),
      tenants: () => new Map(),
      limits: () => ({}),
      yaml: (value) => `${JSON.stringify(value)}\n`,
    },
    readiness: () => [],
    metricsText: () => Promise.resolve(""),
    services: () => [{ name: "store", state: "Running" }, { name: "api", state: "Running" }],
    configText: (mode) => `mode: ${mode}\n`,
    buildInfo: {
      version: "3.0.2",
      revision: "abc",
      branch: "main",
      buildUser: "",
      buildDate: "",
      goVersion: "deno 2.9.6",
    },
  };
}
