"""A denied shell is reported the way Nomad does it: upgraded, then closed with the reason.

Browsers and Go's client show only the reason of the close.
"""

from cli import Side
from page import refused

EXEC = "/v1/client/allocation/{%s}/exec?task=%s&tty=false&command=%%5B%%22%%2Fbin%%2Ftrue%%22%%5D"


def run(stage, checks):
    rows = [
        (f"{name} in {alloc}", EXEC % (alloc, "main"), name)
        for alloc in ("ticks", "ticks2") for name in ("agent-read", "ns-read", "bogus", "none")
    ]
    rows += [(f"{name} in an unknown allocation", EXEC % ("unknown", "main"), name) for name in ("mgmt", "ns-read", "bogus")]
    for name, path, token in rows:
        headers = [f"X-Nomad-Token: {stage.token(token)}"] if stage.token(token) else []
        one, two = (refused(at, stage.named(path), None, headers) for at in (stage.cluster.server, stage.gateway))
        checks.that(f"a shell with token {name}", is_same(one, two), f"{two}, at a server {one}")
    commands(stage, checks)


def is_same(one, two):
    """Closed with one reason; which of the two codes of a denial Nomad sends is chance."""
    if one[0] != "close":
        return one == two
    return two[0] == "close" and two[2] == one[2] and two[1] in (1008, 1011)


def commands(stage, checks):
    printed = []
    for at, name in ((stage.cluster.server, "exec-server"), (stage.gateway, "exec-gateway")):
        side = Side(stage.cluster, stage.world, at, name)
        side.env["NOMAD_TOKEN"] = stage.token("ns-read")
        done = side.run(("alloc", "exec", "-task", "main", "{ticks}", "/bin/true"))
        printed.append((done.returncode, done.stderr.decode().replace("rpc error: ", "").strip()))
    checks.equal("alloc exec without the right", printed[1], printed[0])
