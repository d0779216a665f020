import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { instanceAddress, type Interface, machineAddress } from "./addresses.ts";

const interfaces: Interface[] = [
  { name: "lo", family: "IPv4", address: "127.0.0.1" },
  { name: "lo", family: "IPv6", address: "::1" },
  { name: "eth0", family: "IPv6", address: "fe80::1" },
  { name: "eth0", family: "IPv6", address: "fd00::7" },
  { name: "eth0", family: "IPv4", address: "10.0.0.7" },
  { name: "eth1", family: "IPv4", address: "192.168.1.7" },
];
const keys = {
  instance_addr: "",
  instance_port: 0,
  instance_interface_names: [],
  instance_enable_ipv6: false,
};

Deno.test("an instance is where it says it is, or at the first address that others can use", () => {
  const address = (changed: object, port = 9095) =>
    instanceAddress({ ...keys, ...changed }, "live_store.ring", interfaces, port);
  assert.equal(address({}), "10.0.0.7:9095");
  assert.equal(address({ instance_port: 1 }), "10.0.0.7:1");
  assert.equal(address({ instance_addr: "pod-0.stores" }), "pod-0.stores:9095");
  assert.equal(address({ instance_interface_names: ["eth1"] }), "192.168.1.7:9095");
  assert.equal(address({ instance_enable_ipv6: true }), "[fd00::7]:9095");
  assert.throws(() => address({ instance_interface_names: ["en0"] }), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(
      error.message,
      /^live_store\.ring\.instance_interface_names: .* only lo, eth0, eth1$/,
    );
    return true;
  });
});

Deno.test("a machine that has loopback alone is at that", () => {
  assert.equal(machineAddress(interfaces.slice(0, 2), "x", [], false), "127.0.0.1");
  assert.equal(machineAddress(interfaces, "x", ["lo"], false), "127.0.0.1");
  assert.equal(machineAddress([], "x", [], false), "127.0.0.1");
});
