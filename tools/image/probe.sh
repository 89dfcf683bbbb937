#!/bin/bash
# `health` and `ready` of the image: asks this container's service, ends with 0 or 1 and says what is wrong.
# By the shell alone: engines ask every few seconds, and a Node.js started for each question would cost more than the service.
set -u
path=/healthz
[ "${1:-}" != ready ] || path=/readyz
port=$((${STARLING_PORTS_HTTP:-5280} + ${STARLING_PORT_OFFSET:-0}))
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" >&3
read -r -t 3 -u 3 _ status _ || { echo "$path at port $port: no answer within 3 s" >&2; exit 1; }
[ "$status" != 200 ] || exit 0
while read -r -t 3 -u 3 line && [ "$line" != $'\r' ]; do :; done
timeout 3 cat <&3 >&2
exit 1
