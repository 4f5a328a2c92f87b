"""A connection to an agent returns to the pool only when the agent is done with it.

The head of a stream is sent at once, but the handler behind it goes on writing until its connection is closed. A request
on that connection would wait for it, and a change would be made long after its client got the report that it
was not.
"""

import time

from stage import at_once

HEADS, CALLS = 12, 16
# A long time for an agent on loopback, and the only timeout: a call behind a stream waits forever.
SOON = 5


def run(stage, checks):
    for name, path, call in cases(stage):
        token = stage.token("mgmt")
        heads = at_once([lambda: stage.gateway.ask("HEAD", path, token, seconds=5).status] * HEADS)
        checks.equal(f"HEAD of {name}", heads, [200] * HEADS)
        came = at_once([lambda: timed(lambda: stage.gateway.ask("GET", call, token, seconds=SOON))] * CALLS)
        late = [one for one in came if not is_soon(one)]
        checks.that(f"calls after HEAD of {name}", not late, f"{len(late)} of {len(came)} late or wrong {late[:3]}")
    change(stage, checks)


def cases(stage):
    """A stream, and another client's call to the same agent."""
    logs = stage.named("/v1/client/fs/logs/{ticks}?task=main&type=stdout&follow=true")
    stats, leader = stage.named("/v1/client/stats?node_id={node1}"), stage.named("/v1/agent/self?server_id={leader}")
    relayed = stage.named("/v1/client/fs/logs/{ticks2}?task=main&type=stdout&follow=true")
    return [
        ("a followed log", logs, stats),
        ("a followed file", stage.named("/v1/client/fs/stream/{ticks}?path=alloc/logs/main.stdout.0&follow=true"), stats),
        ("a log that is resumed", f"{logs}&gateway_resume=true", stats),
        ("a followed log through a server", relayed, "/v1/jobs"),
        ("a client's monitor", stage.named("/v1/agent/monitor?log_level=debug&node_id={node1}"), stats),
        ("a server's monitor", stage.named("/v1/agent/monitor?log_level=debug&server_id={leader}"), leader),
    ]


def timed(ask):
    began = time.monotonic()
    answer = ask()
    return answer.status, round(time.monotonic() - began, 1)


def is_soon(one):
    return isinstance(one, tuple) and one[0] == 200


def change(stage, checks):
    """A change after the HEAD of a log is made at once, or never."""
    token, node = stage.token("mgmt"), stage.world.ids["node1"]
    path = f"/v1/client/metadata?node_id={node}"
    at_once([lambda: stage.gateway.ask("HEAD", cases(stage)[0][1], token, seconds=5).status] * HEADS)
    answer = stage.gateway.ask("POST", path, token, {"Meta": {"late": "made"}}, seconds=SOON)
    checks.equal("a change after HEAD of a log", answer.status, 200)
    client = stage.cluster.at(stage.cluster.port("client1"))
    checks.equal("what was changed", client.ask("GET", path, token).json()["Meta"].get("late"), "made")
    stage.gateway.ask("POST", path, token, {"Meta": {"late": None}})
