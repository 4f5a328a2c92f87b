"""Followed logs of one client do not keep short calls from it."""

import socket
import time

from stage import at_once

STREAMS = 100
# Time of a call that gets its permit at once.
SOON = 2


def run(stage, checks):
    token = stage.token("mgmt")
    path = stage.named("/v1/client/fs/logs/{ticks}?task=main&type=stdout&follow=true&plain=true")
    opened = []
    try:
        opened = [one for one in at_once([lambda: follow(stage.gateway, path, token)] * STREAMS)]
        statuses = [one[0] if isinstance(one, tuple) else repr(one) for one in opened]
        served = statuses.count(200)
        checks.that("followed logs of one client", served >= 70 and set(statuses) <= {200, 503},
                    {status: statuses.count(status) for status in set(statuses)})
        late = [one for one in opened if isinstance(one, tuple) and one[0] == 503 and one[1] > SOON]
        checks.that("a stream without a place is told at once", not late, f"{len(late)} late {[one[:2] for one in late[:3]]}")
        checks.that("every log is followed, where a server can relay", served == STREAMS, served)
        short(stage, checks, token)
        checks.that("streams go on", all(goes_on(one[2]) for one in opened if isinstance(one, tuple) and one[0] == 200), served)
    finally:
        for one in opened:
            if isinstance(one, tuple):
                one[2].close()


def short(stage, checks, token):
    for path in ("/v1/client/stats?node_id={node1}", "/v1/client/fs/ls/{ticks}?path=/", "/v1/agent/health?node_id={node1}",
                 "/v1/client/allocation/{ticks}/stats", "/v1/agent/self?node_id={node1}"):
        for calls in (1, 8):
            ask = lambda: timed(lambda: stage.gateway.ask("GET", stage.named(path), token))
            came = at_once([ask] * calls)
            wrong = [one for one in came if not (isinstance(one, tuple) and one[0] == 200 and one[1] < SOON)]
            checks.that(f"{calls} of {path.split('?')[0]} beside them", not wrong, wrong[:3] or "200")


def timed(ask):
    began = time.monotonic()
    return ask().status, round(time.monotonic() - began, 1)


def follow(at, path, token):
    """The status, the time it took, and the open connection."""
    began = time.monotonic()
    connection = socket.create_connection((at.host, at.port), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nX-Nomad-Token: {token}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
    return int(head.split()[1]) if head else 0, round(time.monotonic() - began, 1), connection


def goes_on(connection):
    connection.settimeout(5)
    try:
        return len(connection.recv(65536)) > 0
    except OSError:
        return False
