"""A refusal reaches every client, however much it is still sending at that moment.

Sizes times plain HTTP and TLS times clients. curl and Python's own are always there; `requests` and Go may be missing,
which is reported.
"""

import os
import shutil
import subprocess

from tls import Certificates

SIZES = (20_000, 60_000, 100_000, 200_000, 1_000_000)
TRIES = 10


def run(stage, checks):
    folder = f"{stage.folder}/uploads"
    os.makedirs(folder)
    certificates = Certificates(stage.cluster.nomad, folder)
    for size in SIZES:
        with open(f"{folder}/{size}", "wb") as file:
            file.write(b"x" * size)
    safe = over_tls(stage, certificates)
    for client, ask in clients(folder, certificates):
        for at in (stage.gateway, safe):
            is_safe = at.url.startswith("https:")
            if "h2" in client and not is_safe:
                continue
            url = at.url + stage.named("/v1/client/allocation/{ticks}/signal")
            for size, came in ask(url).items():
                name = f"{size} bytes over {'TLS' if is_safe else 'plain HTTP'} by {client}"
                checks.that(name, came == ["403"] * TRIES, f"{came.count('403')} of {TRIES} {sorted(set(came) - {'403'})[:3]}")


def over_tls(stage, certificates):
    """The same cluster behind a gateway that speaks TLS to clients."""
    own, key = certificates.pair("server")
    more = f'tls {{\n  http = true\n  cert_file = "{own}"\n  key_file = "{key}"\n}}\n'
    return stage.front("gateway-tls", more, context=certificates.context(has_certificate=False))


def clients(folder, certificates):
    rows = [("curl h1", lambda url: curl(folder, certificates, url, "--http1.1")),
            ("curl h2", lambda url: curl(folder, certificates, url, "--http2"))]
    try:
        import requests
        rows.append(("requests", lambda url: with_requests(requests, certificates, url)))
    except ImportError:
        print("uploads: requests is not installed, and left out")
    if shutil.which("go"):
        program = f"{folder}/upload"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "upload.go")
        env = {**os.environ, "GO111MODULE": "off", "CGO_ENABLED": "0"}
        subprocess.run(["go", "build", "-o", program, source], check=True, cwd=folder, env=env)
        rows += [(f"Go {protocol}", lambda url, protocol=protocol: with_go(program, certificates, url, protocol))
                 for protocol in ("h1", "h2")]
    else:
        print("uploads: Go is not installed, and left out")
    return rows


def curl(folder, certificates, url, protocol):
    """Statuses by size. With `Expect` nothing would be sent before the response."""
    came = {}
    for size in SIZES:
        words = ["curl", "-s", "-o", f"{folder}/answer", "-w", "%{http_code} %{exitcode}", protocol, "-H", "Expect:", "-X", "PUT",
                 "--cacert", certificates.authority, "--max-time", "10", "--data-binary", f"@{folder}/{size}", url]
        printed = [subprocess.run(words, capture_output=True, text=True, check=False).stdout for _ in range(TRIES)]
        came[size] = [one.removesuffix(" 0") for one in printed]
    return came


def with_requests(requests, certificates, url):
    def put(size):
        try:
            return str(requests.put(url, data=b"x" * size, verify=certificates.authority, timeout=10).status_code)
        except requests.RequestException as error:
            return type(error).__name__
    return {size: [put(size) for _ in range(TRIES)] for size in SIZES}


def with_go(program, certificates, url, protocol):
    words = [program, url, certificates.authority, protocol, str(TRIES), *map(str, SIZES)]
    came = {size: [] for size in SIZES}
    for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines():
        size, told = line.split(" ", 1)
        came[int(size)].append(told)
    return came
