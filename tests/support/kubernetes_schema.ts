// The schema of an object for Kubernetes, by its kind; kinds that are not known are refused.
import keda from "../golden/kubernetes/keda-scaledobject.json" with { type: "json" };
import kubernetes from "../golden/kubernetes/v1.34.json" with { type: "json" };
import type { Plain } from "./deploy_files.ts";
import { type Check, definitionChecks, schemaCheck } from "./json_schema.ts";

const ofKubernetes = definitionChecks(kubernetes);
const ofKeda = schemaCheck(keda);

export function kubernetesCheck({ apiVersion, kind }: Plain): Check {
  const key = `${apiVersion}/${kind}`;
  if (key === "keda.sh/v1alpha1/ScaledObject") return ofKeda;
  const definition = kubernetes.kinds[key as keyof typeof kubernetes.kinds];
  if (definition === undefined) throw new Error(`no schema of ${key}`);
  return ofKubernetes(definition);
}
