# One image for every service: the repository as it is, run from source. `node services/SERVICE/src/main.ts` chooses.
FROM node:24-bookworm-slim

ENV NODE_ENV=production NODE_OPTIONS=--disable-warning=ExperimentalWarning
WORKDIR /starling

# What is installed changes less often than what is written, so it comes first.
COPY package.json package-lock.json .npmrc ./
COPY packages/jid/package.json packages/jid/
COPY packages/xml/package.json packages/xml/
COPY packages/sasl/package.json packages/sasl/
COPY packages/stanza/package.json packages/stanza/
COPY packages/wire/package.json packages/wire/
COPY packages/core/package.json packages/core/
COPY packages/modules/package.json packages/modules/
COPY packages/adapters/package.json packages/adapters/
COPY packages/runtime/package.json packages/runtime/
COPY packages/testkit/package.json packages/testkit/
COPY services/all-in-one/package.json services/all-in-one/
COPY services/connection-manager/package.json services/connection-manager/
COPY services/session/package.json services/session/
COPY services/routing/package.json services/routing/
COPY services/storage/package.json services/storage/
COPY services/gateway/package.json services/gateway/
# Not `npm ci`, which refuses a lock file without the development tools' binaries for other systems.
RUN npm install --no-save --omit=dev --no-audit --no-fund && npm cache clean --force

COPY packages packages
COPY services services
COPY tools tools

RUN mkdir /data && chown node:node /data
USER node
ENV STARLING_DATA_DIR=/data
VOLUME /data
EXPOSE 5222 5223 5280
CMD ["node", "services/all-in-one/src/main.ts"]
