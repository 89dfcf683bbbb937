#!/usr/bin/env bash
# For anyone with docker and a cluster of Kubernetes to throw away: builds the image, loads it, applies the dev overlay, lets two
# clients chat, then upgrades and kills pods while they talk, and says of every message what became of it.
#   k8s/e2e.sh                        a cluster of kind named starling, made if there is none
#   CONTEXT=minikube LOAD="minikube image load starling:dev" k8s/e2e.sh
# It ends with 0 only if nothing failed and nothing was lost; what it had to leave out stands at its end under SKIPPED.
set -euo pipefail
cd "$(dirname "$0")/.."
namespace=starling
seconds="${SECONDS_OF_LOAD:-60}"
context="${CONTEXT:-kind-starling}"
load="${LOAD:-kind load docker-image starling:dev --name starling}"
skipped=()
failed=()
forwards=()

say() { printf '\n== %s\n' "$*"; }
skip() { skipped+=("$*"); echo "SKIPPED: $*"; }
fail() { failed+=("$*"); echo "FAILED: $*"; }
k() { kubectl --context "$context" "$@"; }
finish() {
  for pid in "${forwards[@]}"; do kill "$pid" 2>/dev/null || true; done
}
trap finish EXIT

for tool in docker kubectl node openssl; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: nothing was tried" >&2; exit 2; }
done
docker info >/dev/null 2>&1 || { echo "docker does not answer: nothing was tried" >&2; exit 2; }

if [ "$context" = kind-starling ]; then
  command -v kind >/dev/null || { echo "kind is missing (or name a cluster with CONTEXT and LOAD): nothing was tried" >&2; exit 2; }
  kind get clusters | grep -qx starling || { say "a cluster"; kind create cluster --name starling --wait 120s; }
fi

say "the image: built, small, not root, read-only"
docker build -q -t starling:dev .
docker image inspect starling:dev --format '{{.Config.User}} {{len .RootFS.Layers}} layers {{.Size}} bytes'
docker run --rm --read-only --tmpfs /tmp starling:dev nonsense 2>/dev/null && fail "the image takes any argument"
docker run --rm --read-only --entrypoint node starling:dev -e \
  "process.exit(require('fs').readFileSync('/proc/self/maps', 'utf8').includes('jemalloc') ? 0 : 1)" || fail "jemalloc is not loaded"
$load

say "the dev overlay"
k create namespace "$namespace" --dry-run=client -o yaml | k apply -f -
k -n "$namespace" get secret starling-tls >/dev/null 2>&1 || k8s/certificate.sh localhost "$namespace" | k apply -f -
wrapped="$(mktemp -d)"
printf '#!/bin/sh\nexec %s --context %s "$@"\n' "$(command -v kubectl)" "$context" >"$wrapped/kubectl"
chmod +x "$wrapped/kubectl"
PATH="$wrapped:$PATH" k8s/upgrade.sh k8s/overlays/dev

forward() { # SERVICE LOCAL:REMOTE
  k -n "$namespace" port-forward "$1" "$2" >/dev/null &
  forwards+=($!)
}
admin() { k -n "$namespace" exec deploy/gateway -- tools/image/entrypoint.sh admin "$@"; }

say "two accounts"
for name in e2e-alice e2e-bob; do
  admin account create "$name@localhost" "pass-$name" || admin account password "$name@localhost" "pass-$name"
done

say "two clients chat, through two connection-managers"
mapfile -t pods < <(k -n "$namespace" get pods -l app.kubernetes.io/component=connection-manager -o name)
[ "${#pods[@]}" -ge 2 ] || fail "two connection-managers were expected, there are ${#pods[@]}"
# A forward ends with its pod: a client that connects again takes the next one
forward "${pods[0]}" 15222:5222
forward "${pods[1]:-${pods[0]}}" 15232:5222
sleep 3
node tools/k8s/e2e-chat.mjs 15222,15232 5 || fail "chat without faults"

say "a rolling upgrade of all services while they talk ($seconds s)"
for service in storage routing session gateway; do
  k -n "$namespace" rollout restart "deployment/$service" >/dev/null
done
node tools/k8s/e2e-chat.mjs 15222,15232 "$seconds" || fail "chat through a rolling upgrade"
for service in storage routing session gateway; do
  k -n "$namespace" rollout status "deployment/$service" --timeout=300s || fail "$service is not ready again"
done
skip "a rolling upgrade of the connection-managers under load: the forwards of kubectl end with their pods; it needs a load balancer"

say "a pod of every keyed service is killed while they talk"
(
  for service in session routing storage; do
    sleep 5
    pod="$(k -n "$namespace" get pods -l "app.kubernetes.io/component=$service" -o name | head -1)"
    k -n "$namespace" delete "$pod" --grace-period=0 --force >/dev/null 2>&1
  done
) &
killer=$!
node tools/k8s/e2e-chat.mjs 15222,15232 "$seconds" || fail "chat through killed pods"
wait "$killer"

say "drained in time"
k -n "$namespace" rollout restart deployment/connection-manager
k -n "$namespace" rollout status deployment/connection-manager --timeout=300s || fail "connection-manager is not ready again"

k get --raw /apis/monitoring.coreos.com/v1 >/dev/null 2>&1 &&
  { k apply -k k8s/monitoring || fail "k8s/monitoring does not apply"; } || skip "k8s/monitoring: no Prometheus operator here"
skip "the production overlay: it needs its operators (Strimzi, CloudNativePG, redis-operator, cert-manager)"
skip "loss of a node, and NetworkPolicies where the cluster's network does not enforce them (kind's own does not)"

say "done"
printf 'SKIPPED: %s\n' "${skipped[@]}"
[ "${#failed[@]}" -eq 0 ] && { echo "nothing failed"; exit 0; }
printf 'FAILED: %s\n' "${failed[@]}"
exit 1
