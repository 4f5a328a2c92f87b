#!/usr/bin/env bash
# How fast is the gateway beside nginx, HAProxy and the upstream itself, on this machine, in one run?
#
#   benches/side_by_side.sh [--quick] [--only CASES] [--repetitions N] [--markdown FILE] [--plot FILE]
#
#   --quick           one short repetition of everything, in about two minutes: shows that it works, not how fast
#   --only CASES      some of: small, agent, bulk, logs, latency, idle, growth, nomad (comma between them)
#   --repetitions N   how often each figure is taken; its median is printed (5)
#   --markdown FILE   writes the tables there as well
#   --plot FILE       draws the figures of growth there, as SVG
#   --gateway FILE    this program instead of building one
#   --keep            leaves the directory with configurations and logs
#
# One worker thread each and the same number of connections: the gateway with route, ACL (100 rules) and a directory of
# 10,000 nodes; nginx and HAProxy with plain proxying, also with buffers of 256 KiB; and the upstream asked directly.
# NOMAD_BIN=/path/to/nomad adds the relay of a real Nomad server. Needs Linux, python3, cargo, and nginx, haproxy and
# wrk, which are installed with apt-get when they are missing. Where there are two cores the proxies have one and
# everything else the other. Everything listens on loopback and ends with the script, which ends only what it started.
set -euo pipefail
cd "$(dirname "$0")/.."

gateway=""
for ((i = 1; i <= $#; i++)); do
  case "${!i}" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    --gateway) next=$((i + 1)); gateway="${!next:-}" ;;
  esac
done

missing=()
command -v nginx > /dev/null || missing+=(nginx-light)
command -v haproxy > /dev/null || missing+=(haproxy)
command -v wrk > /dev/null || missing+=(wrk)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}" >&2
  # Debian starts a server that it installs; these are to be started by this script only.
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy > /dev/null
    $sudo chmod +x $policy
    trap '$sudo rm -f "$policy"' EXIT
  fi
  $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  [ -z "$(trap -p EXIT)" ] || { $sudo rm -f $policy; trap - EXIT; }
fi

# Ten thousand streams through a proxy are twenty thousand sockets.
ulimit -H -n 65536 2> /dev/null || true
ulimit -S -n "$(ulimit -H -n)"
if [ -z "$gateway" ]; then
  cargo build --profile dist --features jemalloc --quiet -p nomad-gateway
  set -- --gateway "${CARGO_TARGET_DIR:-target}/dist/nomad-gateway" "$@"
fi
exec python3 -B benches/side_by_side "$@"
