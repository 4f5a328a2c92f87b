"""Sends bodies to a gateway that refuses them unread, from several programs, and counts which of them read the refusal."""

import os
import subprocess
import sys
import warnings

SIZES = [20_000, 60_000, 100_000, 200_000, 1_000_000]
TRIES = 10
WORK, PLAIN, TLS = sys.argv[1:4]


def curl(*options):
    def put(url, size):
        command = ["curl", "-sk", "-m", "20", "-o", os.devnull, "-w", "%{http_code}", "-X", "PUT", "-H", "Expect:",
                   "--data-binary", f"@{WORK}/{size}", *options, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else f"curl ends with {done.returncode}, {done.stdout}"

    return put


def requests_put(url, size):
    import requests
    try:
        return str(requests.put(url, data=b"x" * size, verify=False, timeout=20).status_code)
    except requests.RequestException as error:
        return type(error).__name__


def go(version):
    def put(url, size):
        done = subprocess.run([f"{WORK}/go/put", version, url, str(size)], capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr.strip()

    return put


def callers():
    yield "curl, HTTP/1.1", curl("--http1.1"), [PLAIN, TLS]
    if "HTTP2" in subprocess.run(["curl", "-V"], capture_output=True, text=True, check=True).stdout:
        yield "curl, HTTP/2", curl("--http2"), [TLS]
    else:
        print("curl without HTTP/2 is passed over")
    try:
        import requests  # noqa: F401
        yield "requests", requests_put, [PLAIN, TLS]
    except ImportError:
        print("requests is not there and is passed over")
    if os.access(f"{WORK}/go/put", os.X_OK):
        yield "Go, HTTP/1.1", go("1"), [PLAIN, TLS]
        yield "Go, HTTP/2", go("2"), [TLS]
    else:
        print("Go is not there and is passed over")


def main():
    warnings.simplefilter("ignore")
    for size in SIZES:
        with open(f"{WORK}/{size}", "wb") as file:
            file.write(b"x" * size)
    missed = 0
    for name, put, urls in callers():
        for url in urls:
            row = []
            for size in SIZES:
                seen = [put(url, size) for _ in range(TRIES)]
                others = [one for one in seen if one != "403"]
                missed += len(others)
                row.append(f"{TRIES - len(others)}" + (f" ({others[0]})" if others else ""))
            print(f"{name:15} {url.split(':')[0]:5} {', '.join(row)}")
    print(f"of {TRIES} each, with {', '.join(map(str, SIZES))} bytes")
    sys.exit(missed > 0)


main()
