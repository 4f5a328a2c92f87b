#!/usr/bin/env bash
# Compares calls through `nomad-gateway serve` with the same calls to a server of a real Nomad cluster.
#
#   NOMAD_BIN=/path/to/nomad tests/real_nomad.sh
#
# Starts three servers and two clients with ACLs on, on loopback ports from BASE_PORT (25400), in a temporary directory,
# and the gateway in front of them; ends all of them. Needs python3 and, for running a task, root. Builds the gateway when
# GATEWAY does not name one. Without NOMAD_BIN it compares nothing, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${NOMAD_BIN:-}" ]; then
  echo "skipped: NOMAD_BIN does not name a Nomad binary"
  exit 0
fi
[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
exec python3 tests/real_nomad.py "$NOMAD_BIN" "${GATEWAY:-${CARGO_TARGET_DIR:-target}/debug/nomad-gateway}"
