"""A gateway without a token of its own, or with one that the cluster does not know, serves what clients' tokens allow.

It looks up what it does not know with the client's token, or a server responds. The refusal of its own token is reported
in each place an operator reads: in the log at the start, by `check --live`, in its health and in its metrics.
"""

import re
import subprocess


TOKENS = ("mgmt", "none", "bogus", "agent-read", "node-read", "ns-read", "fs")
MAY_LIST = ("mgmt", "node-read")
CALLS = (
    "/v1/agent/members", "/v1/agent/self", "/v1/agent/servers", "/v1/agent/health", "/v1/agent/health?node_id={node1}",
    "/v1/agent/self?node_id={node1}", "/v1/agent/self?server_id={leader}", "/v1/agent/self?server_id={follower}",
    "/v1/agent/self?server_id=unknown.global", "/v1/agent/host?server_id=unknown.global", "/v1/agent/host?server_id=leader",
    "/v1/agent/host?node_id={node1}", "/v1/agent/host?node_id={node2}", "/v1/agent/host?node_id=client1",
    "/v1/agent/host?node_id={unknown}", "/v1/agent/pprof/cmdline?server_id={follower}", "/v1/client/stats?node_id={node1}",
    "/v1/client/stats?node_id={node2}", "/v1/client/stats?node_id=client1", "/v1/client/stats?node_id={unknown}",
    "/v1/client/metadata?node_id={node1}", "/v1/client/fs/ls/{ticks}?path=/", "/v1/client/fs/ls/{ticks2}?path=/",
    "/v1/client/fs/ls/{unknown}?path=/", "/v1/client/fs/logs/{ticks}?task=main&type=stdout", "/v1/jobs", "/v1/nodes",
)


def run(stage, checks):
    for name, token in (("no token", ""), ("an unknown token", "null")):
        gateway = stage.front(f"gateway-{name.split()[-2]}", token=token)
        for caller in TOKENS:
            wrong = differing(stage, gateway, caller)
            checks.that(f"{name}, calls of {caller}, as with a token of its own", not wrong, wrong[:8] or len(CALLS))
        served(stage, checks, gateway, name)
        if token:
            said(stage, checks, gateway)


def differing(stage, gateway, caller):
    """Responses whose status differs from that of the gateway that knows its cluster."""
    wrong = []
    for call in CALLS:
        if caller not in MAY_LIST and needs_a_list(call):
            continue
        one, two = (at.ask("GET", stage.named(call), stage.token(caller)) for at in (stage.gateway, gateway))
        if one.status != two.status:
            wrong.append(f"{call}: {two.status} {two.text[:60]!r}, not {one.status} {one.text[:60] if one.status >= 400 else ''!r}")
    return wrong


def needs_a_list(call):
    """Lookups that no token permits here: a node by its name, any client, and the agent whose health is requested."""
    return "node_id=client" in call or call == "/v1/agent/servers" or call.startswith("/v1/agent/health?node_id")


def served(stage, checks, gateway, name):
    token = stage.token("mgmt")
    answer = gateway.ask("GET", "/v1/agent/servers", token)
    checks.that(f"{name}, servers", answer.status == 200 and len(answer.json()) == 3, (answer.status, answer.text))
    path = "/v1/agent/host?server_id=unknown.global"
    one, two = (at.ask("GET", path, token) for at in (stage.cluster.server, gateway))
    checks.equal(f"{name}, an unknown server", (two.status, two.text), (one.status, one.text))


def said(stage, checks, gateway):
    answer = gateway.ask("GET", "/v1/gateway/health")
    checks.that("health says that the own token is refused", "degraded" in answer.text and "token" in answer.text, answer.text)
    metrics = gateway.ask("GET", "/v1/gateway/metrics", stage.token("mgmt")).text
    lines = [line for line in metrics.splitlines() if re.search("own.*token|token.*(own|refused)", line) and line[0] != "#"]
    checks.that("a metric says that the own token is refused", any(re.search(r" [1-9]\d*(\.0)?$", line) for line in lines), lines)
    with open(f"{stage.cluster.folder}/gateway-unknown.log") as file:
        lines = [line for line in file if re.search(r"WARN|ERROR", line) and "token" in line]
    checks.that("the log says that the own token is refused", lines, lines)
    words = [stage.cluster.gateway_program, "check", "--live", "--config", f"{stage.cluster.folder}/gateway-unknown.hcl"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    printed = done.stdout + done.stderr
    checks.that("check --live fails for it", done.returncode != 0 and "token" in printed, (done.returncode, printed[-300:]))
