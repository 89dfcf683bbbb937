#!/bin/sh
# What the image runs: SERVICE, a deploy step, the admin command, or a question about health.
set -eu
cd "$(dirname "$0")/../.."
what="${1:-all-in-one}"
[ $# -eq 0 ] || shift
case "$what" in
  all-in-one | connection-manager | session | routing | storage | gateway)
    exec node "services/$what/src/main.ts" "$@" ;;
  topics | tables | rewind) exec node tools/deploy/main.ts "$what" "$@" ;;
  admin) exec node tools/starling/main.ts "$@" ;;
  loadtest) exec node loadtest/src/main.ts "$@" ;;
  health | ready) exec tools/image/probe.sh "$what" ;;
  *)
    echo "no such service: $what; there are all-in-one, connection-manager, session, routing, storage, gateway, and the" >&2
    echo "steps topics, tables and rewind (TIME), admin (account …), loadtest (SCENARIO …), health and ready" >&2
    exit 2 ;;
esac
