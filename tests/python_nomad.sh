#!/usr/bin/env bash
# Runs the unmodified python-nomad client from PyPI against `nomad-gateway dev`.
# Installs the client into target/python-nomad; needs python3 with venv. Builds the gateway when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
# The client reads its environment over what it is given.
unset "${!NOMAD_@}"
venv=target/python-nomad
gateway=${GATEWAY:-target/debug/nomad-gateway}

[ -n "${GATEWAY:-}" ] || cargo build --quiet -p nomad-gateway
if ! "$venv/bin/python" -c 'import nomad' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check python-nomad==2.1.0
fi
exec "$venv/bin/python" tests/python_nomad.py "$gateway"
