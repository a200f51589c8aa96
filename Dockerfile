# One container is one core group: a front thread that owns the sockets, and one worker thread for each further core.
# Several groups on a host are several containers, each pinned to its own cores and with its own data volume:
#
#   docker build -t penstock .
#   docker run --read-only --cpuset-cpus 0-3 -v penstock-0:/data -p 8080:8080 -e PENSTOCK_KEYS=web=a-long-random-word penstock
#   docker run --read-only --cpuset-cpus 4-7 -v penstock-1:/data -p 8081:8080 -e PENSTOCK_KEYS=web=a-long-random-word penstock
#
# The number of workers follows the cpuset. A CPU quota (--cpus, Kubernetes limits without a static CPU policy) does
# not show in it: there set PENSTOCK_WORKERS to the quota less one, or the threads take turns being throttled.
#
# Works with --read-only: only /data is written, /tmp is not. Configuration: mount a file at /app/config/penstock.yaml,
# or name one with PENSTOCK_CONFIG. A bind mount at /data must belong to user 1000.

# The whole image, for its C++ compiler; what it builds runs in the slim one.
FROM node:22-bookworm AS build
WORKDIR /app
COPY . .
RUN --mount=type=cache,target=/root/.npm bash scripts/container/build.sh

FROM node:22-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/container scripts/container
RUN --mount=type=cache,target=/root/.npm bash scripts/container/install-runtime.sh

FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production PORT=8080 PENSTOCK_DATA_DIR=/data
# A new named volume takes its owner from this folder.
RUN install -d -o node -g node /data
COPY package.json ./
COPY scripts/container/healthcheck.mjs scripts/container/healthcheck.mjs
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/config config
COPY --from=build /app/dist dist
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --start-interval=1s CMD ["node", "scripts/container/healthcheck.mjs"]
# Node is process 1 without a helper such as tini: it handles SIGTERM itself, and starts no process that it does not wait for.
ENTRYPOINT ["node", "--max-semi-space-size=2", "dist/src/main.js"]
CMD ["serve"]
