#!/bin/sh
# Installs or upgrades an overlay step by step, each waiting for the one before; run again, it goes on: k8s/upgrade.sh OVERLAY
# The order and what may run side by side: "Rolling upgrades" in docs/operations.md.
set -eu
overlay="${1:?usage: $0 k8s/overlays/OVERLAY}"
namespace="${NAMESPACE:-starling}"
timeout="${TIMEOUT:-900s}"
# Another cluster than kubectl's own choice: CONTEXT=NAME
kubectl() { command kubectl ${CONTEXT:+--context "$CONTEXT"} "$@"; }
manifests="$(mktemp)"
trap 'rm -f "$manifests"' EXIT
kubectl kustomize "$overlay" >"$manifests"

echo "== settings, accounts, policies, and what the data is kept in"
kubectl apply -f "$manifests" -l '!app.kubernetes.io/component'

echo "== deploy steps: topics and tables"
kubectl -n "$namespace" delete job topics tables --ignore-not-found
kubectl apply -f "$manifests" -l app.kubernetes.io/component=deploy-steps
kubectl -n "$namespace" wait --for=condition=complete --timeout="$timeout" job/topics job/tables

for service in storage routing session connection-manager gateway; do
  echo "== $service"
  kubectl apply -f "$manifests" -l "app.kubernetes.io/component=$service"
  kubectl -n "$namespace" rollout status "deployment/$service" --timeout="$timeout"
done
