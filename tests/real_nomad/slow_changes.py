"""Changes that take long by design end with their own response, and are made once.

`restart` waits until the old task has ended, for up to `kill_timeout`; `join` waits for an address that accepts and stays
silent. Who is told 504 meanwhile tries again, and does it twice.
"""

import socket
import time

from cli import Side
from stage import KILL_TIMEOUT, at_once


def run(stage, checks):
    token = stage.token("mgmt")
    side = Side(stage.cluster, stage.world, stage.gateway, "slow")
    with silent() as port:
        came = at_once([
            lambda: restarted(stage, "stubborn", lambda: outcome(stage.gateway.ask(
                "PUT", stage.named("/v1/client/allocation/{stubborn}/restart"), token, {"TaskName": "main"}))),
            lambda: restarted(stage, "stubborn2", lambda: side.run(
                ("alloc", "restart", "-task", "main", "{stubborn2}")).returncode),
            lambda: joined(stage.gateway, token, port),
            lambda: joined(stage.cluster.server, token, port),
        ])
    checks.equal("restart of a task that takes 20 s to end", came[0], ((200, "direct"), 1, True))
    checks.equal("alloc restart through a server", came[1], (0, 1, True))
    is_right = came[2] == came[3] and came[3][0] == 200
    checks.that("join of an address that stays silent", is_right, f"{came[2]}, at a server {came[3]}")


def outcome(answer):
    return answer.status, answer.way


def silent():
    """A port that accepts and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    class Port:
        def __enter__(self):
            return listener.getsockname()[1]

        def __exit__(self, *_):
            listener.close()
    return Port()


def restarted(stage, job, ask):
    """The response, the number of restarts, and whether the response came at the end of the change."""
    path = stage.named(f"/v1/allocation/{{{job}}}")

    def restarts():
        return stage.cluster.api("GET", path)["TaskStates"]["main"]["Restarts"]
    before, began = restarts(), time.monotonic()
    came = ask()
    in_time = KILL_TIMEOUT - 2 < time.monotonic() - began < KILL_TIMEOUT + 8
    time.sleep(2)
    return came, restarts() - before, in_time


def joined(at, token, port):
    """Two silent addresses cost twice the wait; one is enough."""
    answer = at.ask("PUT", f"/v1/agent/join?address=127.0.0.1:{port}", token, seconds=70)
    told = answer.json() if answer.status == 200 else {}
    return answer.status, told.get("num_joined"), "127.0.0.1" in str(told.get("error"))
