// Limits that a tenant's user sets: read, replaced, patched and deleted under `/overrides`.
// Rule: who replaces or deletes says in `If-Match` which version they have seen; "0" is none.
import { Hono } from "hono";
import { InputError } from "../lib/errors.ts";
import { VersionError } from "../storage/mod.ts";
import { text } from "./ops_routes.ts";
import type { OpsContext, UserOverridesApi } from "./options.ts";
import { tenantOf, tenantsOf } from "./tenant.ts";

/** A document of that size is no document. */
const BODY_BYTES_MAX = 1 << 20;
const NONE = "0";

export function userOverridesRoutes({ options }: OpsContext, user: UserOverridesApi): Hono {
  const callerOf = (request: Request) => {
    const tenant = tenantOf(request.headers, options);
    if (tenantsOf(tenant).length !== 1) {
      throw new InputError("invalid_argument", "overrides are of one tenant");
    }
    const query = new URL(request.url).searchParams;
    const isConflictAllowed = query.get("skip-conflicting-overrides-check") === "true";
    return { tenant, isConflictAllowed, scope: query.get("scope") ?? "api" };
  };

  return new Hono()
    .get("/overrides", async ({ req }) => {
      const { tenant, scope } = callerOf(req.raw);
      if (scope !== "api" && scope !== "merged") {
        throw new InputError(
          "invalid_argument",
          `unknown scope "${scope}", valid options: api, merged`,
        );
      }
      const stored = await user.get(tenant, req.raw.signal);
      if (scope === "merged") return answer(user.merged(tenant), stored?.version ?? NONE);
      if (stored === undefined) return text("no user-configurable overrides\n", 404);
      return answer(stored.document.written, stored.version);
    })
    .post("/overrides", async ({ req }) => {
      const { tenant, isConflictAllowed } = callerOf(req.raw);
      const wanted = req.header("If-Match");
      if (wanted === undefined) return text("must specify If-Match header\n", 428);
      const body = await bodyOf(req.raw);
      const version = await seenVersion(user, tenant, wanted, req.raw.signal);
      if (version === false) return mismatch();
      const { signal } = req.raw;
      return await changed(() => user.set(tenant, body, version, isConflictAllowed, signal));
    })
    .patch("/overrides", async ({ req }) => {
      const { tenant, isConflictAllowed } = callerOf(req.raw);
      const body = await bodyOf(req.raw);
      return await changed(() => user.patch(tenant, body, isConflictAllowed, req.raw.signal));
    })
    .delete("/overrides", async ({ req }) => {
      const { tenant } = callerOf(req.raw);
      const wanted = req.header("If-Match");
      if (wanted === undefined) return text("must specify If-Match header\n", 428);
      const version = await seenVersion(user, tenant, wanted, req.raw.signal);
      if (version === false) return mismatch();
      if (version === undefined) return text("no user-configurable overrides\n", 404);
      try {
        await user.delete(tenant, version, req.raw.signal);
      } catch (error) {
        if (error instanceof VersionError) return mismatch();
        throw error;
      }
      return text("");
    });
}

/** The stored version if it is the one that was seen; undefined: none, as was seen; false: another. */
async function seenVersion(
  user: UserOverridesApi,
  tenant: string,
  ifMatch: string,
  signal: AbortSignal,
): Promise<string | undefined | false> {
  const version = await user.version(tenant, signal);
  return tagOf(version ?? NONE) === tagOf(ifMatch) ? version : false;
}

async function changed(
  change: () => Promise<
    { readonly document: { readonly written: unknown }; readonly version: string }
  >,
): Promise<Response> {
  try {
    const { document, version } = await change();
    return answer(document.written, version);
  } catch (error) {
    if (error instanceof VersionError) return mismatch();
    throw error;
  }
}

function mismatch(): Response {
  return text("overrides have another version than If-Match says\n", 412);
}

function answer(document: unknown, version: string): Response {
  return Response.json(document, { headers: { ETag: tagOf(version) } });
}

/** Some have quotes around it, some have not. */
function tagOf(version: string): string {
  return version.trim().replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_BYTES_MAX) {
      throw new InputError("too_large", `overrides are larger than ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
