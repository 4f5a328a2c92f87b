#!/usr/bin/env bash
# Reads /v1/gateway/metrics with the parsers that programs use: both of Python's prometheus_client, and Go's expfmt.
# Installs the first into target/metrics-parsers, and builds a small program for the second there; either is skipped with
# a note if Python or Go is missing, or its package cannot be fetched. Builds the gateway when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
work=$here/target/metrics-parsers
gateway=${GATEWAY:-$here/target/debug/nomad-gateway}
[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
mkdir -p "$work"

"$gateway" dev --listen 127.0.0.1:0 --servers 1 --clients 1 >"$work/out" 2>"$work/err" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 200); do grep -q '^Gateway ' "$work/out" && break; sleep 0.1; done
address=$(awk '/^Gateway /{print $2}' "$work/out")

# Some of everything: responses, a refusal, a stream.
curl -s -o /dev/null "$address/v1/agent/members"
curl -s -o /dev/null "$address/v1/client/stats?node_id=nobody"
curl -s -m 1 -o /dev/null "$address/v1/agent/monitor" || true
curl -s "$address/v1/gateway/metrics" >"$work/text"
curl -s -H 'Accept: application/openmetrics-text; version=1.0.0' "$address/v1/gateway/metrics" >"$work/openmetrics"

if ! command -v python3 >/dev/null; then
  echo "no python3: its parsers are passed over"
else
  if ! "$work/venv/bin/python" -c 'import prometheus_client' 2>/dev/null; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check prometheus_client==0.26.0 || true
  fi
  if "$work/venv/bin/python" -c 'import prometheus_client' 2>/dev/null; then
    "$work/venv/bin/python" tests/metrics_parsers/parse.py "$work/text" "$work/openmetrics"
  else
    echo "prometheus_client cannot be installed: Python's parsers are passed over"
  fi
fi

if ! command -v go >/dev/null; then
  echo "no go: its parser is passed over"
else
  mkdir -p "$work/go"
  cp tests/metrics_parsers/parse.go "$work/go/main.go"
  cd "$work/go"
  if [ ! -x parse ] || [ main.go -nt parse ]; then
    [ -f go.mod ] || go mod init parse >/dev/null 2>&1
    go get github.com/prometheus/common@v0.67.5 >/dev/null 2>&1 && go mod tidy >/dev/null 2>&1 && go build -o parse . || rm -f parse
  fi
  if [ -x parse ]; then ./parse "$address/v1/gateway/metrics"; else echo "expfmt cannot be built: Go's parser is passed over"; fi
fi
