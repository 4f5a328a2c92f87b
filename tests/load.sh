#!/usr/bin/env bash
# Many clients in front of the gateway while an agent dies twice: see gateway/tests/load/main.rs.
# Loopback only; ends by itself. NOMAD_LOAD_CALLERS (2000) and NOMAD_LOAD_SECONDS (60) make it another size.
set -euo pipefail
cd "$(dirname "$0")/.."
# Each client has a socket here and one in the gateway, and most have one more behind it.
ulimit -n "$(ulimit -H -n)"
export NOMAD_LOAD_CALLERS="${NOMAD_LOAD_CALLERS:-2000}" NOMAD_LOAD_SECONDS="${NOMAD_LOAD_SECONDS:-60}"
exec cargo test --release -p nomad-gateway --test load -- --nocapture
