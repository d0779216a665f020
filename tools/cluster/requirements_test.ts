import assert from "node:assert/strict";

import { type Machine, missingRequirements } from "./requirements.ts";

const SAYS = {
  java: 'openjdk version "17.0.15" 2025-04-15',
  mvn: "Apache Maven 3.9.9 (8e8579a9e76f7d015ee5ec7bfcdc97d260186937)",
  go: "go version go1.26.8 linux/amd64",
};

Deno.test("a machine with Java, Maven and Go lacks nothing", async () => {
  assert.deepEqual(await missingRequirements(machine()), []);
});

Deno.test("everything that is missing is told at once, each with how it is had", async () => {
  const missing = await missingRequirements(machine({ java: undefined, mvn: undefined, go: "" }));
  assert.equal(missing.length, 3);
  assert.match(missing[0]!, /^Java 17 .*openjdk-21/);
  assert.match(missing[1]!, /^Maven, .*apt-get install maven/);
  assert.match(missing[2]!, /^Go 1\.21 .*go\.dev/);
});

Deno.test("what is too old is missing, and says what it is", async () => {
  const old = { java: 'java version "1.8.0_402"', go: "go version go1.19 linux/amd64" };
  const missing = await missingRequirements(machine(old));
  assert.match(missing[0]!, /\(this is 8\)/);
  assert.match(missing[1]!, /\(this is 1\.19\)/);
  assert.equal(missing.length, 2);
});

Deno.test("what was fetched before needs neither Maven nor Go", async () => {
  const later = { ...machine({ mvn: undefined, go: undefined }), hasKafkaJars: true };
  assert.deepEqual(await missingRequirements({ ...later, hasS3Server: true }), []);
  assert.equal((await missingRequirements(later)).length, 1);
});

function machine(says: Partial<Record<keyof typeof SAYS, string | undefined>> = {}): Machine {
  const answers: Record<string, string | undefined> = { ...SAYS, ...says };
  return {
    ask: (command) => Promise.resolve(answers[command]),
    hasKafkaJars: false,
    hasS3Server: false,
  };
}
