#!/bin/sh
# Prints a self-signed certificate for a domain as the Secret `starling-tls`: k8s/certificate.sh DOMAIN | kubectl apply -f -
# For trying; in production cert-manager makes it.
set -eu
domain="${1:?usage: $0 DOMAIN [NAMESPACE]}"
namespace="${2:-starling}"
directory="$(mktemp -d)"
trap 'rm -rf "$directory"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$domain" \
  -addext "subjectAltName=DNS:$domain,DNS:conference.$domain,DNS:pubsub.$domain,DNS:upload.$domain" \
  -keyout "$directory/tls.key" -out "$directory/tls.crt" 2>/dev/null
cat <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: starling-tls
  namespace: $namespace
type: kubernetes.io/tls
data:
  tls.crt: $(base64 <"$directory/tls.crt" | tr -d '\n')
  tls.key: $(base64 <"$directory/tls.key" | tr -d '\n')
YAML
