#!/usr/bin/env bash
# A refusal that does not wait for the body reaches every client: curl over HTTP/1.1 and HTTP/2, Python's requests, Go.
# Each sends bodies of 20 KB to 1 MB without a token, ten times each, with and without TLS, and must read 403 every time.
# Installs requests into target/early-refusals. Clients that are not installed are skipped with a note.
# Builds the gateway when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
work=$here/target/early-refusals
gateway=${GATEWAY:-$here/target/debug/nomad-gateway}
[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
mkdir -p "$work"
for tool in openssl curl python3; do
  command -v "$tool" >/dev/null || { echo "no $tool: nothing to try"; exit 0; }
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done' EXIT
start() {
  local out=$work/$1
  shift
  "$gateway" dev --acl --listen 127.0.0.1:0 --servers 1 --clients 1 "$@" >"$out" 2>"$out.err" &
  pids+=($!)
  for _ in $(seq 200); do grep -q '^Gateway ' "$out" && break; sleep 0.1; done
}
start plain
start tls --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
url() { awk -v path="/v1/client/allocation/$(awk '/^Allocation/{print $2}' "$work/$1")/signal" '/^Gateway /{print $2 path}' "$work/$1"; }

if ! "$work/venv/bin/python" -c 'import requests' 2>/dev/null; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check requests || true
fi
python=python3
if "$work/venv/bin/python" -c 'import requests' 2>/dev/null; then python=$work/venv/bin/python; fi
if command -v go >/dev/null; then
  mkdir -p "$work/go"
  cp tests/early_refusals/put.go "$work/go/main.go"
  (cd "$work/go" && { [ -f go.mod ] || go mod init put >/dev/null 2>&1; } && go build -o put .) || echo "the Go caller cannot be built"
fi
"$python" tests/early_refusals/callers.py "$work" "$(url plain)" "$(url tls)"
