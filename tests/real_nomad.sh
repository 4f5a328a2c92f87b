#!/usr/bin/env bash
# Compares calls, Nomad's own commands, the web page's requests and the web page in a browser through `nomad-gateway serve`
# with the same at a server of a real Nomad cluster.
#
#   NOMAD_BIN=/path/to/nomad tests/real_nomad.sh
#
# Starts three servers and three clients with ACLs on (one client dies on purpose), then a smaller cluster with mutual TLS
# and ACLs off, on loopback ports from BASE_PORT (25400) to BASE_PORT + 199, in a temporary directory, and gateways in front
# of them; ends all of them. Needs python3 and, for running tasks, root. Builds the gateway when GATEWAY does not name one.
# Without NOMAD_BIN it compares nothing, and reports that.
#
# The parts of `faults` test for one kind of fault each: a call that affects another client, changes the
# wrong thing, or is refused where Nomad serves. They start clusters of their own (to BASE_PORT + 399). PARTS chooses, by default
# calls,page,ui,cli,tls,faults; tests/real_nomad/__main__.py names them one by one.
#
# The part `ui` opens the web page in headless Chromium: logs, files, a shell, the log of a client and of a server. It needs
# Chromium (on PATH, or named by CHROMIUM) and a Nomad with its web page built in, as released ones have it; without one of
# the two it reports what is missing, and continues. KEEP=1 leaves pictures of pages that did not show what they must.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${NOMAD_BIN:-}" ]; then
  echo "skipped: NOMAD_BIN does not name a Nomad binary"
  exit 0
fi
[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
exec python3 -u -B tests/real_nomad "$NOMAD_BIN" "${GATEWAY:-${CARGO_TARGET_DIR:-target}/debug/nomad-gateway}"
