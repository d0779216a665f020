// A real memcached and a real Redis, each a process on a free port with nothing on disk. Where the machine
// lacks one it is installed from Debian's packages, which takes root; otherwise the reason is told.
import { type BucketServer, debianProgram, startServer } from "./bucket_servers.ts";

export async function startMemcached(megabytes = 64): Promise<BucketServer> {
  return await startServer({
    program: await debianProgram("memcached", "memcached"),
    args: (port) => [
      ...["-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0"],
      ...["-m", String(megabytes)],
    ],
  });
}

export async function startRedis(): Promise<BucketServer> {
  return await startServer({
    program: await debianProgram("redis-server", "redis-server"),
    args: (port, dir) => [
      ...["--bind", "127.0.0.1", "--port", String(port), "--dir", dir],
      ...["--save", "", "--appendonly", "no"],
      ...["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"],
    ],
  });
}
