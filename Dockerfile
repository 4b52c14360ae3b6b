# The server in an image: docker build -t synckit-server .
# The newest Node that is recommended, on Debian 13, whose glibc the builds of uWebSockets.js need.
ARG NODE_IMAGE=node:22-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY src/core-wasm/package.json src/core-wasm/
RUN npm ci --ignore-scripts --include=dev --no-audit --no-fund
COPY . .
# The runtime tree holds production packages only, and of native code what this platform needs. It is started once.
RUN npm run build && node tools/runtime-tree.mjs /runtime

FROM ${NODE_IMAGE}
ENV NODE_ENV=production SYNCKIT_DATA_DIR=/data
# The folder belongs to the user of the server; everything else is read-only for it.
RUN install -d -o 1000 -g 1000 /data
WORKDIR /app
COPY --from=build /runtime ./
# The user node. By number, so that a cluster knows without looking inside that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "tools/health.mjs"]
CMD ["node", "dist/src/main.js"]
