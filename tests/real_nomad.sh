#!/usr/bin/env bash
# Compares calls, Nomad's own commands and the web page's requests through `nomad-gateway serve` with the same at a server
# of a real Nomad cluster.
#
#   NOMAD_BIN=/path/to/nomad tests/real_nomad.sh
#
# Starts three servers and three clients with ACLs on (one client dies on purpose), then a smaller cluster with mutual TLS
# and ACLs off, on loopback ports from BASE_PORT (25400) to BASE_PORT + 199, in a temporary directory, and gateways in front
# of them; ends all of them. PARTS=calls,page,cli,tls chooses. Needs python3 and, for running tasks, root. Builds the gateway
# when GATEWAY does not name one. Without NOMAD_BIN it compares nothing, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${NOMAD_BIN:-}" ]; then
  echo "skipped: NOMAD_BIN does not name a Nomad binary"
  exit 0
fi
[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
exec python3 -u -B tests/real_nomad "$NOMAD_BIN" "${GATEWAY:-${CARGO_TARGET_DIR:-target}/debug/nomad-gateway}"
