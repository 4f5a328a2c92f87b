"""Calls, commands, the web page's requests and the web page through the gateway, and the same at a server of a real cluster.

Started by real_nomad.sh. PARTS chooses what is done (calls, page, ui, cli, tls, and the parts of faults.py); KEEP=1 leaves the
folder with the logs.
"""

import os
import signal
import subprocess
import sys
import tempfile

import agent_calls
import browser
import cli
import client_calls
import commands
import config
import differences
import faults
import following
import page
import regions
import server_calls
import suite
import tls
import writes
from cluster import Cluster
from compare import both
from world import World

BASE = int(os.environ.get("BASE_PORT", "25400"))
FAULTS = [*faults.PARTS, "regions", "suite"]
EVERY = ["calls", "page", "ui", "cli", "tls", *FAULTS]
PARTS = os.environ.get("PARTS", ",".join(EVERY)).replace("faults", ",".join(FAULTS)).split(",")
AGENTS = ["server1", "server2", "server3", "client1", "client2", "client3"]


def calls(world, gateway):
    """The unexplained differences, as lines."""
    pairs = []
    for catalogue in (agent_calls, client_calls, server_calls):
        for call in catalogue.calls():
            pairs += [both(world, gateway, call, token) for token in call.tokens]
    pairs += writes.run(world, gateway)
    by_way = {}
    for pair in pairs:
        by_way[pair.gateway.way] = by_way.get(pair.gateway.way, 0) + 1
    ways = ", ".join(f"{count} {way or 'by the gateway itself'}" for way, count in sorted(by_way.items()))
    print(f"{len(pairs)} calls compared: {ways}")
    return differences.explain(pairs)


def command_line(sides, world):
    wrong = cli.compare(sides, [*commands.reading(), *commands.rights(), *following.rows(), *commands.changing()])
    cli.back_again(world)
    return wrong + cli.compare(sides, commands.moving())


def plain(programs, folder):
    """The cluster with ACLs: two gateways, one of which shows its own address for the nodes, so that commands use it."""
    cluster = Cluster(programs, folder, BASE, AGENTS)
    wrong = []
    try:
        cluster.start()
        world = World(cluster)
        world.fill()
        lost = config.lost_way(cluster, "client2")
        gateway = cluster.front("gateway", config.gateway(cluster, BASE + 90, lost), BASE + 90)
        stands_in = config.gateway(cluster, BASE + 91, lost + 'rewrite_http_addr = "self"\n')
        self_gateway = cluster.front("gateway-self", stands_in, BASE + 91)
        if "calls" in PARTS:
            wrong += calls(world, gateway)
        if "page" in PARTS:
            wrong += page.run(world, cluster.server, gateway)
        if "ui" in PARTS:
            wrong += browser.run(world, cluster.server, gateway, self_gateway)
        if "cli" in PARTS:
            sides = [cli.Side(cluster, world, at, name) for at, name in ((cluster.server, "server"), (self_gateway, "gateway"))]
            wrong += command_line(sides, world)
    finally:
        cluster.stop()
    return wrong


def alone(programs, folder):
    """Parts that start clusters of their own."""
    wrong = []
    if set(faults.PARTS) & set(PARTS):
        os.makedirs(f"{folder}/faults")
        wrong += faults.run(programs, f"{folder}/faults", BASE + 200, PARTS)
    for name, run in (("regions", lambda at, checks: regions.run(programs, at, BASE + 300, checks)),
                      ("suite", lambda at, checks: suite.run(programs, at, checks))):
        if name in PARTS:
            os.makedirs(f"{folder}/{name}")
            wrong += faults.looked_at(name, lambda checks, run=run, name=name: run(f"{folder}/{name}", checks))
    return wrong


def main():
    # On SIGTERM it ends what it has started first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    programs = [os.path.realpath(name) for name in sys.argv[1:3]]
    folder = tempfile.mkdtemp(prefix="real-nomad-")
    wrong = [f"there is no part {name!r}" for name in PARTS if name not in EVERY]
    try:
        if {"calls", "page", "ui", "cli"} & set(PARTS):
            os.makedirs(f"{folder}/plain")
            wrong += plain(programs, f"{folder}/plain")
        if "tls" in PARTS:
            os.makedirs(f"{folder}/tls")
            wrong += tls.run(programs, f"{folder}/tls", BASE + 100)
        wrong += alone(programs, folder)
    finally:
        if os.environ.get("KEEP"):
            print(f"kept {folder}")
        else:
            subprocess.run(["rm", "-rf", folder], check=False)
    for line in wrong:
        print(f"DIFFERENT {line}")
    print(f"{len(wrong)} unexplained differences")
    return 1 if wrong else 0


sys.exit(main())
