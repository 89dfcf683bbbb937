#!/usr/bin/env bash
# For anyone with docker and a cluster of Kubernetes to throw away: builds the image, loads it, applies the dev overlay, and puts the
# load suite on it (k8s/e2e) in calm, through a rolling upgrade of everything, and while pods are killed; every message is reconciled.
#   k8s/e2e.sh                        a cluster of kind named starling, made if there is none
#   CONTEXT=minikube LOAD="minikube image load starling:dev" k8s/e2e.sh
#   k8s/e2e.sh --dry-run              only says what it would do
# It ends with 0 only if nothing failed and nothing acknowledged was lost; what it had to leave out stands at its end under SKIPPED.
set -euo pipefail
cd "$(dirname "$0")/.."
namespace=starling
users=20 # as k8s/e2e/scenario.yml says
context="${CONTEXT:-kind-starling}"
load="${LOAD:-kind load docker-image starling:dev --name starling}"
services=(storage routing session connection-manager gateway)
skipped=()
failed=()
dry=
case "${1:-}" in
  '') ;;
  --dry-run) dry=yes ;;
  *) echo "usage: $0 [--dry-run]" >&2; exit 2 ;;
esac

say() { printf '\n== %s\n' "$*"; }
skip() { skipped+=("$*"); echo "SKIPPED: $*"; }
fail() { failed+=("$*"); echo "FAILED: $*"; }
# What would be done, or its doing
act() { if [ -n "$dry" ]; then echo "+ $*"; else "$@"; fi; }
k() { act kubectl --context "$context" -n "$namespace" "$@"; }

if [ -z "$dry" ]; then
  for tool in docker kubectl openssl; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: nothing was tried" >&2; exit 2; }
  done
  docker info >/dev/null 2>&1 || { echo "docker does not answer: nothing was tried" >&2; exit 2; }
  if [ "$context" = kind-starling ]; then
    command -v kind >/dev/null || { echo "kind is missing (or name a cluster with CONTEXT and LOAD): nothing was tried" >&2; exit 2; }
    kind get clusters | grep -qx starling || { say "a cluster"; kind create cluster --name starling --wait 120s; }
  fi
fi

say "the image: built, not root, on jemalloc, and of no other argument"
act docker build -q -t starling:dev .
act docker image inspect starling:dev --format '{{.Config.User}} {{len .RootFS.Layers}} layers {{.Size}} bytes'
# shellcheck disable=SC2016 # the shell inside asks
act docker run --rm --read-only --tmpfs /tmp --entrypoint sh starling:dev -c \
  '[ "$(id -u)" = 1000 ] && node -e "process.exit(fs.readFileSync(\"/proc/self/maps\", \"utf8\").includes(\"jemalloc\") ? 0 : 1)"' ||
  fail "it runs as root, or without jemalloc"
if [ -z "$dry" ] && docker run --rm --read-only starling:dev nonsense 2>/dev/null; then fail "the image takes any argument"; fi
# shellcheck disable=SC2086 # a command and its arguments
act $load

say "the dev overlay"
if [ -n "$dry" ]; then
  echo "+ k8s/dry-run.sh"
  echo "+ k8s/certificate.sh localhost $namespace | kubectl apply -f -"
  echo "+ k8s/upgrade.sh k8s/overlays/dev"
else
  kubectl --context "$context" create namespace "$namespace" --dry-run=client -o yaml | k apply -f -
  say "every overlay, as the API server judges it"
  CONTEXT="$context" k8s/dry-run.sh || fail "the API server has something against an overlay"
  k get secret starling-tls >/dev/null 2>&1 || k8s/certificate.sh localhost "$namespace" | k apply -f -
  CONTEXT="$context" k8s/upgrade.sh k8s/overlays/dev
fi

say "accounts of the load suite: load0 to load$((users - 1)); those that are there stay"
# shellcheck disable=SC2016 # the shell inside counts
k exec deploy/gateway -- sh -c 'for n in $(seq 0 '$((users - 1))'); do
  tools/image/entrypoint.sh admin account create "load$n@localhost" of-the-load || true
done'

begin_load() {
  k delete job loadtest --ignore-not-found --wait
  k apply -k k8s/e2e
  # Twenty sign-ins at ten a second, and the warm-up
  act sleep 20
}
end_load() { # WHAT
  local state=0 wait_s=0
  until [ -n "$dry" ] || [ "$wait_s" -ge 420 ]; do
    state="$(k get job loadtest -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')"
    case "$state" in *Complete* | *Failed*) break ;; esac
    sleep 5
    wait_s=$((wait_s + 5))
  done
  k logs -l app=loadtest,batch.kubernetes.io/job-completion-index=0 --tail=40 || true
  [ -n "$dry" ] || case "$state" in *Complete*) ;; *) fail "the load suite: $1 (${state:-it did not end})" ;; esac
}

say "two pods of connection-manager, and clients that chat across them"
begin_load
end_load "in calm"

say "a rolling upgrade of every service under load, in the order of k8s/upgrade.sh"
begin_load
for service in "${services[@]}"; do
  k rollout restart "deployment/$service"
  k rollout status "deployment/$service" --timeout=300s || fail "$service is not ready again"
done
end_load "through a rolling upgrade"

say "a pod of every service is killed under load"
begin_load
for service in "${services[@]}"; do
  pod="a pod of $service"
  [ -n "$dry" ] || pod="$(k get pods -l "app.kubernetes.io/component=$service" -o name | head -1)"
  k delete "$pod" --grace-period=0 --force --wait=false || fail "no pod of $service could be killed"
  act sleep 10
done
end_load "through killed pods"
for service in "${services[@]}"; do
  k rollout status "deployment/$service" --timeout=300s || fail "$service is not ready again"
done

say "what looks on"
if [ -n "$dry" ] || kubectl --context "$context" get --raw /apis/monitoring.coreos.com/v1 >/dev/null 2>&1; then
  k apply -k k8s/monitoring || fail "k8s/monitoring does not apply"
else
  skip "k8s/monitoring: no Prometheus operator here"
fi
skip "the production overlay: it needs its operators (Strimzi, CloudNativePG, redis-operator, cert-manager)"
skip "an upgrade from the version before: both sides are the image that was built just now"
skip "loss of a node, and NetworkPolicies where the cluster's network does not enforce them (kind's own does not)"
skip "a load balancer with the PROXY protocol"

say "done"
[ -z "$dry" ] || skip "everything: this was --dry-run"
printf 'SKIPPED: %s\n' "${skipped[@]}"
[ "${#failed[@]}" -eq 0 ] || { printf 'FAILED: %s\n' "${failed[@]}"; exit 1; }
[ -n "$dry" ] || echo "nothing failed"
