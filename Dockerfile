# One image for every service: the repository as it is, run from source (types are stripped at run time).
#   docker build -t starling .
#   docker run starling session          also storage, routing, connection-manager, gateway, all-in-one; topics, tables, admin, loadtest
# What is asked for may have a read-only root: only /data is written to.

# The manifests alone, so that what is installed is a layer of its own, made anew when they change and not when code does.
# Without the development tools, whose binaries for other systems the lock file leaves out and `npm ci` would miss.
FROM node:24.21.0-bookworm-slim AS manifests
WORKDIR /manifests
COPY . /repository
RUN cd /repository \
  && find . -path '*/node_modules' -prune -o \( -name package.json -o -path ./package-lock.json -o -path ./.npmrc \) \
    -exec cp --parents {} /manifests ';' \
  && cd /manifests \
  && node -e "const fs = require('fs'); \
for (const file of ['package.json', 'package-lock.json']) { \
  const json = JSON.parse(fs.readFileSync(file)); \
  delete (json.packages ? json.packages[''] : json).devDependencies; \
  fs.writeFileSync(file, JSON.stringify(json, null, 2)); \
}"

FROM node:24.21.0-bookworm-slim
RUN apt-get update -q \
  && apt-get install -y -q --no-install-recommends libjemalloc2 \
  && rm -rf /var/lib/apt/lists/* \
  && ln -s /usr/lib/*-linux-gnu/libjemalloc.so.2 /usr/local/lib/libjemalloc.so.2 \
  && mkdir /data && chown node:node /data

ENV NODE_ENV=production \
  NODE_OPTIONS="--disable-warning=ExperimentalWarning --max-semi-space-size=32" \
  LD_PRELOAD=/usr/local/lib/libjemalloc.so.2 \
  STARLING_DATA_DIR=/data
WORKDIR /starling
COPY --from=manifests /manifests ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force && rm -rf /root/.npm /tmp/*
COPY packages packages
COPY services services
COPY tools tools
COPY loadtest loadtest

USER 1000:1000
VOLUME /data
EXPOSE 5222 5223 5280
# Whether it is alive; compose and Kubernetes ask /readyz beside, whether it can serve
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["/starling/tools/image/entrypoint.sh", "health"]
ENTRYPOINT ["/starling/tools/image/entrypoint.sh"]
CMD ["all-in-one"]
