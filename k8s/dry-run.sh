#!/usr/bin/env bash
# Has a real API server judge overlays, and changes nothing: validation, admission and pod security as they would be on applying.
#   CONTEXT=kind-starling k8s/dry-run.sh [FOLDER…]      without folders: every overlay, k8s/monitoring and k8s/e2e
# It ends with 0 only if the server has nothing against them, no warning either. Kinds of operators that are not installed there are left
# out and named under SKIPPED. The namespace must be there (kubectl create namespace starling).
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
kubectl() { command kubectl ${CONTEXT:+--context "$CONTEXT"} "$@"; }
folders=("$@")
[ $# -gt 0 ] || folders=(k8s/overlays/* k8s/monitoring k8s/e2e)
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
kubectl version >/dev/null 2>&1 || { echo "no API server answers: nothing was tried" >&2; exit 2; }
failed=0
# Said of every headless Service by 1.34.1, which sets it itself; and the two lines about kinds, which are told as SKIPPED
harmless=(-e 'SessionAffinity is ignored for headless services' -e 'no matches for kind' -e 'ensure CRDs are installed first')
for folder in "${folders[@]}"; do
  kubectl kustomize "$folder" >"$work/manifests.yaml" || { failed=1; continue; }
  kubectl apply --server-side --dry-run=server --validate=strict --field-manager=starling-dry-run --force-conflicts \
    -f "$work/manifests.yaml" >"$work/said" 2>"$work/faults"
  judged="$(grep -c 'serverside-applied (server dry run)' "$work/said")"
  skipped="$(sed -n 's/.*no matches for kind "\([^"]*\)".*/\1/p' "$work/faults" | sort -u | tr '\n' ' ')"
  echo "$folder: $judged manifests judged by the server"
  [ -z "$skipped" ] || echo "SKIPPED: $folder: kinds that the server does not know: $skipped"
  # What stands beside the kinds that are unknown is against us: errors, and warnings such as those of pod security
  if grep -v "${harmless[@]}" "$work/faults" | grep -q .; then
    grep -v "${harmless[@]}" "$work/faults" | sed "s|^|FAILED: $folder: |"
    failed=1
  fi
  [ "$judged" -gt 0 ] || { echo "FAILED: $folder: nothing was judged"; failed=1; }
done
exit "$failed"
