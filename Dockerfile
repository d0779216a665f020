# Segno in a container: any target, by -target. Blocks, logs and markers that live beyond it lie in /data.
#   docker build -t segno:0.1.0 .
FROM denoland/deno:debian-2.9.6

WORKDIR /segno
# First what changes seldom, so that packages are fetched again only with the lock file.
COPY deno.json deno.lock ./
RUN deno install --frozen

COPY actors actors
COPY api api
COPY cmd cmd
COPY distributor distributor
COPY generator generator
COPY lib lib
COPY model model
COPY query query
COPY ring ring
COPY storage storage
COPY ui ui
COPY wal wal
# What is imported is cached now, and nothing is written below it later: the file system may be read-only.
RUN deno cache --frozen cmd/main.ts cmd/cli/main.ts \
  && mkdir /data && chown deno:deno /data

USER deno
VOLUME /data
# Queries, gRPC, OTLP over gRPC and HTTP, gossip.
EXPOSE 3200 9095 4317 4318 7946
# Each asking starts a program, which costs half a second of a processor.
HEALTHCHECK --interval=60s --timeout=10s --start-period=2m --start-interval=5s --retries=3 \
  CMD ["deno", "run", "--cached-only", "--allow-net", "--allow-read", "--allow-env", "--allow-sys", "cmd/main.ts", "-health"]

# The permissions of `deno task start`.
ENTRYPOINT ["deno", "run", "--cached-only", "--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-ffi", "--allow-run", "cmd/main.ts"]
