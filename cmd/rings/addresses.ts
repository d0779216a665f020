// Where others reach this process: what the configuration says, or the first address of the machine that
// others can use.
import { InputError } from "../../lib/errors.ts";
import { hostPort } from "../../ring/mod.ts";

export type Interface = Pick<Deno.NetworkInterfaceInfo, "name" | "family" | "address">;

export interface AddressKeys {
  readonly instance_addr: string;
  readonly instance_port: number;
  readonly instance_interface_names: readonly string[];
  readonly instance_enable_ipv6: boolean;
}

/** `path` names the section in an error. */
export function instanceAddress(
  keys: AddressKeys,
  path: string,
  interfaces: readonly Interface[],
  port: number,
): string {
  const { instance_addr, instance_interface_names: names, instance_enable_ipv6 } = keys;
  const host = instance_addr ||
    machineAddress(interfaces, `${path}.instance_interface_names`, names, instance_enable_ipv6);
  return hostPort(host, keys.instance_port || port);
}

/** An address of an interface with one of the names, or of any where none is named. */
export function machineAddress(
  interfaces: readonly Interface[],
  path: string,
  names: readonly string[],
  prefersIpv6: boolean,
): string {
  const named = interfaces.filter(({ name }) => names.length === 0 || names.includes(name));
  if (named.length === 0 && names.length > 0) {
    const known = [...new Set(interfaces.map(({ name }) => name))].join(", ");
    throw new InputError("failed_precondition", `${path}: none of them is here, only ${known}`);
  }
  const usable = named.filter(({ address }) => !isOfThisMachineAlone(address));
  const family = prefersIpv6 ? "IPv6" : "IPv4";
  const best = usable.find((one) => one.family === family) ?? usable[0] ?? named[0];
  return best?.address ?? "127.0.0.1";
}

/** Loopback and link-local addresses. */
function isOfThisMachineAlone(address: string): boolean {
  return /^127\.|^169\.254\.|^::1$|^fe[89ab]/i.test(address);
}
