// How an operator, or a machine of theirs, takes a live-store away without losing a span:
//
//   /live-store/prepare-partition-downscale   GET, POST, DELETE: the partition takes no new spans
//   /live-store/prepare-downscale             GET, POST, DELETE: the instance leaves at its next stop
//
// Statuses and bodies are the peer's, for the operator that drives them is written for it.
import { Hono } from "hono";
import { InputError } from "../lib/errors.ts";
import { PartitionState } from "../ring/mod.ts";
import { text } from "./ops_routes.ts";
import type { DownscaleApi, DrainedPartition } from "./ring_options.ts";

export function downscaleRoutes(downscale: DownscaleApi): Hono {
  return new Hono()
    .all("/live-store/prepare-partition-downscale", ({ req }) => {
      if (!downscale.isRunning()) return text("live-store is not running\n", 503);
      try {
        return ofPartition(downscale, req.method);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        return text(`${error.message}\n`, 500); // the ring's, not the caller's
      }
    })
    .all("/live-store/prepare-downscale", ({ req }) => ofInstance(downscale, req.method));
}

function ofPartition(downscale: DownscaleApi, method: string): Response {
  switch (method) {
    case "GET":
      return told(downscale.partition());
    case "POST":
      if (downscale.partition().state === PartitionState.Pending) {
        return text("the partition is Pending: it has not been Active yet\n", 409);
      }
      return told(downscale.drain());
    case "DELETE":
      return told(downscale.undrain());
    default:
      return new Response(null, { status: 405 });
  }
}

async function ofInstance(downscale: DownscaleApi, method: string): Promise<Response> {
  switch (method) {
    case "GET":
      return text(await downscale.isPrepared() ? "set\n" : "unset\n", 200, "text/plain");
    case "POST":
      try {
        await downscale.prepare();
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        return text(`${error.message}\n`, 409);
      }
      return new Response(null, { status: 204 });
    case "DELETE":
      await downscale.undo();
      return new Response(null, { status: 204 });
    default:
      return new Response(null, { status: 405 });
  }
}

function told({ state, inactiveSinceMs = 0 }: DrainedPartition): Response {
  const timestamp = Math.floor(inactiveSinceMs / 1000);
  return Response.json({ timestamp, state: `Partition${PartitionState[state]}` });
}
