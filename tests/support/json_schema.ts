// Checks values against a published JSON schema, and tells what is wrong in a line for each place.
import { Ajv, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

/** Formats of numbers and text that Kubernetes names; what they bound is not checked here. */
const OPEN_FORMATS = ["int32", "int64", "byte", "date-time", "duration", "double"];

export type Check = (value: unknown) => string[];

export function schemaCheck(schema: Record<string, unknown>): Check {
  return checkWith(checker(schema).compile(schema));
}

/** A check for each of the definitions that is asked for; what they share is compiled once. */
export function definitionChecks(schema: Record<string, unknown>): (name: string) => Check {
  const ajv = checker(schema);
  ajv.addSchema(schema, "all");
  const known = new Map<string, Check>();
  return (name) => {
    const check = known.get(name) ?? checkWith(ajv.getSchema(`all#/definitions/${name}`)!);
    known.set(name, check);
    return check;
  };
}

function checker(schema: Record<string, unknown>): Ajv {
  const isNew = String(schema.$schema ?? "").includes("2020-12");
  const ajv = new (isNew ? Ajv2020 : Ajv)({ strict: false, validateSchema: false });
  for (const format of OPEN_FORMATS) ajv.addFormat(format, true);
  return ajv;
}

function checkWith(validate: ValidateFunction): Check {
  return (value) => {
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
    );
  };
}
