#!/usr/bin/env bash
# Builds kube-apiserver from its Go module and takes etcd out of Debian's package, for tools/k8s/api-server.test.ts:
#   tools/k8s/build-api-server.sh FOLDER && STARLING_TEST_API_SERVER=FOLDER npm test -- --only unit tools/k8s/api-server
# Ten minutes of one core, 2 GB of downloads and build cache; so no part of the usual tests.
set -euo pipefail
folder="$(mkdir -p "${1:?usage: $0 FOLDER}" && cd "$1" && pwd)"
version=1.34.1 # staging modules have the same number after v0.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
source="$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')"
{
  printf 'module starling.example/api-server\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
  # What its go.mod takes from folders of the repository comes as modules of their own
  sed -n '/^replace (/,/^)/s/^\t\(k8s.io[^ ]*\) =>.*/\1/p' "$source/go.mod" | sed "s|.*|\t& => & v0.${version#1.}|"
  printf ')\n'
} >go.mod
mark=k8s.io/component-base/version
flags="-s -w -X $mark.gitVersion=v$version -X $mark.gitMajor=1 -X $mark.gitMinor=34"
go build -mod=mod -trimpath -ldflags "$flags" -o "$folder/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
if ! [ -x "$folder/etcd" ]; then
  if command -v etcd >/dev/null; then
    ln -s "$(command -v etcd)" "$folder/etcd"
  else
    apt-get download -q etcd-server
    dpkg -x etcd-server_*.deb etcd
    cp etcd/usr/bin/etcd "$folder/etcd"
  fi
fi
ls -l "$folder"
