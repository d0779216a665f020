// What the machine must have for a cluster, and how it is had.
// Rule: asked before anything is started or fetched; all that is missing is told at once.

export interface Machine {
  /** All that a command says, or undefined if there is no such command. */
  readonly ask: (command: string, args: readonly string[]) => Promise<string | undefined>;
  /** Whether the jars of Kafka, and the S3 server, are there from a former time. */
  readonly hasKafkaJars: boolean;
  readonly hasS3Server: boolean;
}

const JAVA_MIN = 17;
const GO_MIN = 21;

/** A line for each thing that is missing. */
export async function missingRequirements(
  { ask, hasKafkaJars, hasS3Server }: Machine,
): Promise<string[]> {
  const missing: string[] = [];
  const java = versionIn(await ask("java", ["-version"]));
  if (java === undefined || java < JAVA_MIN) {
    missing.push(
      `Java ${JAVA_MIN} or newer, which Kafka runs on${
        java === undefined ? "" : ` (this is ${java})`
      }: ` +
        "apt-get install openjdk-21-jre-headless, brew install openjdk",
    );
  }
  if (!hasKafkaJars && versionIn(await ask("mvn", ["--version"])) === undefined) {
    missing.push("Maven, which fetches Kafka once: apt-get install maven, brew install maven");
  }
  const go = hasS3Server ? GO_MIN : goVersionIn(await ask("go", ["version"]));
  if (go === undefined || go < GO_MIN) {
    missing.push(
      `Go 1.${GO_MIN} or newer, which builds the S3 server versitygw once` +
        `${go === undefined ? "" : ` (this is 1.${go})`}: https://go.dev/dl, brew install go`,
    );
  }
  return missing;
}

/** `openjdk version "17.0.15"`, `java version "1.8.0_402"`, `Apache Maven 3.9.9`. */
function versionIn(text: string | undefined): number | undefined {
  const [, first, second] = /(\d+)(?:\.(\d+))?/.exec(text ?? "") ?? [];
  if (first === undefined) return undefined;
  return first === "1" && second !== undefined ? Number(second) : Number(first);
}

/** Of `go version go1.26.8 linux/amd64` the 26. */
function goVersionIn(text: string | undefined): number | undefined {
  const [, minor] = /go1\.(\d+)/.exec(text ?? "") ?? [];
  return minor === undefined ? undefined : Number(minor);
}
