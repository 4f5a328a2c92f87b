"""A request for a node that is gone is never served by another one that has its address now.

A client that lost its data directory returns with a new id under the old name and at the old address. The new one never
responds to, and is never changed by, a request for the old one.
"""

import subprocess

from wire import wait_for

NAME = "client3"


def run(stage, checks):
    cluster, token = stage.cluster, stage.token("mgmt")
    old = cluster.nodes[NAME]
    before = stage.gateway.ask("GET", f"/v1/agent/self?node_id={old}", token)
    checks.equal("the old node, while it is there", (before.status, who(before)), (200, old))
    cluster.kill(NAME)
    subprocess.run(["rm", "-rf", f"{cluster.folder}/{NAME}/data"], check=False)
    cluster.start_agent(NAME)
    new = wait_for("the new node", lambda: ready(cluster, old))
    looked_up(stage, checks, "while both seem to be ready", old, new)
    wait_for("the old node to be down", lambda: cluster.api("GET", f"/v1/node/{old}")["Status"] == "down", 90)
    looked_up(stage, checks, "when the old one is down", old, new)
    answer = stage.gateway.ask("GET", f"/v1/agent/self?node_id={NAME}", token)
    checks.equal("their name, when the old one is down", (answer.status, who(answer)), (200, new))


def ready(cluster, old):
    listed = cluster.api("GET", "/v1/nodes")
    return next((node["ID"] for node in listed if node["Name"] == NAME and node["ID"] != old and node["Status"] == "ready"), None)


def who(answer):
    return answer.json()["stats"]["client"]["node_id"] if answer.status == 200 else answer.text


def looked_up(stage, checks, when, old, new):
    token = stage.token("mgmt")
    answer = stage.gateway.ask("GET", f"/v1/agent/self?node_id={new}", token)
    checks.equal(f"the new node {when}", (answer.status, who(answer)), (200, new))
    answer = stage.gateway.ask("GET", f"/v1/agent/servers?node_id={new}", token)
    servers = answer.json() if answer.status == 200 else []
    for method, path in (("GET", "self?"), ("GET", "health?"), ("GET", "members?"), ("GET", "servers?"),
                         ("PUT", f"servers?address={stage.cluster.host}:{stage.cluster.port('server1', 1)}&"),
                         ("GET", "schedulers?")):
        answer = stage.gateway.ask(method, f"/v1/agent/{path}node_id={old}", token)
        checks.that(f"{method} {path.split('?')[0]} of the old node {when}", answer.status >= 400,
                    (answer.status, answer.text[:100], answer.header("X-Nomad-Gateway-Agent")))
    answer = stage.gateway.ask("GET", f"/v1/agent/servers?node_id={new}", token)
    kept = answer.json() if answer.status == 200 else answer.text
    checks.equal(f"the servers of the new node {when}", sorted(kept), sorted(servers))
    for path in ("/v1/client/stats?", "/v1/agent/host?", "/v1/client/metadata?"):
        one, two = (at.ask("GET", f"{path}node_id={old}", token) for at in (stage.cluster.server, stage.gateway))
        checks.that(f"{path} of the old node {when}", two.status >= 400, f"{two.status} {two.text[:80]}, at a server {one.status}")
