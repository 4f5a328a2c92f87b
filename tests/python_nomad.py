"""The calls of python-nomad that name an agent, a node or an allocation, through the gateway."""

import json
import re
import signal
import subprocess
import sys
import time

import nomad
from nomad.api import exceptions


def start(program):
    """Starts `dev` on a free port, with one client: `update_servers` cannot name one. Reads its output."""
    process = subprocess.Popen([program, "dev", "--listen", "127.0.0.1:0", "--clients", "1"], stdout=subprocess.PIPE, text=True)
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("Ctrl-C"):
            break
    return process, printed


def frames(text):
    """The concatenated objects of a framed stream."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        frame, at = decoder.raw_decode(text, at)
        found.append(frame)
    return found


def wait_for(ready):
    """Repeats the request until there is a result, at most ten seconds."""
    for _ in range(200):
        found = ready()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came within ten seconds")


def check(api, ids):
    """Every call once; returns how many."""
    checks = {}

    def call(name, outcome, holds):
        assert holds, f"{name}: {outcome!r}"
        checks[name] = True

    members = api.agent.get_members()
    call("agent.get_members", members, [m["Status"] for m in members["Members"]] == ["alive"] * 3)
    servers = api.agent.get_servers()
    call("agent.get_servers", servers, len(servers) == 3 and all(re.match(r"127\.0\.0\.1:\d+$", s) for s in servers))
    agent = api.agent.get_agent()
    call("agent.get_agent", agent, set(agent) == {"config", "member", "stats"})
    # The documentation names agent.get_health; no published version has it, so the client's own request is made.
    health = api.agent.get_health() if hasattr(api.agent, "get_health") else api.agent.request("health", method="get").json()
    call("agent health", health, health["server"]["ok"] is True)

    serf = [f"{m['Addr']}:{m['Port']}" for m in members["Members"]]
    joined = api.agent.join_agent(serf[:2])
    call("agent.join_agent", joined, joined["num_joined"] == 2 and joined["error"] == "")
    refused = api.agent.join_agent(["127.0.0.1:1"])
    call("agent.join_agent of nobody", refused, refused["num_joined"] == 0 and "127.0.0.1:1" in refused["error"])
    chosen = api.agent.update_servers(servers[:1])
    call("agent.update_servers", chosen, chosen == 200 and api.agent.get_servers() == servers[:1])
    removed = api.agent.force_leave("nobody.global")
    call("agent.force_leave", removed, removed == 200)

    stats = api.client.stats.read_stats(node_id=ids["node"])
    call("client.stats.read_stats", stats, stats["Memory"]["Total"] > 0 and stats["CPU"])
    alloc = ids["alloc"]
    usage = wait_for(lambda: api.client.allocation.read_allocation_stats(alloc)["Tasks"])
    call("client.allocation.read_allocation_stats", usage, "clock" in usage)
    listed = api.client.ls.list_files(alloc)
    call("client.ls.list_files", listed, [f["Name"] for f in listed] == ["alloc", "clock"])
    hello = "clock/local/hello.txt"
    wait_for(lambda: any(f["Name"] == "hello.txt" for f in api.client.ls.list_files(alloc, "clock/local")))
    stat = api.client.stat.stat_file(alloc, hello)
    call("client.stat.stat_file", stat, stat["Name"] == "hello.txt" and not stat["IsDir"])
    text = api.client.cat.read_file(alloc, hello)
    call("client.cat.read_file", text, text.startswith("written by the demo task"))
    part = api.client.read_at.read_file_offset(alloc, 0, 7, hello)
    call("client.read_at.read_file_offset", part, part == "written")
    framed = wait_for(lambda: frames(api.client.stream_logs.stream(alloc, "clock", "stdout")))
    call("client.stream_logs.stream", framed, framed[0]["File"] == "alloc/logs/clock.stdout.0")
    plain = api.client.stream_logs.stream(alloc, "clock", "stdout", plain=True)
    call("client.stream_logs.stream plain", plain, plain.startswith("tick 1 at "))

    try:
        api.client.stream_file.stream(alloc, 0, "start", "nowhere")
        raise AssertionError("a missing file was streamed")
    except exceptions.BadRequestNomadException:
        checks["client.stream_file.stream of a missing file"] = True
    try:
        api.client.ls.list_files("01234567-89ab-cdef-0123-456789abcdef")
        raise AssertionError("an unknown allocation was listed")
    except exceptions.URLNotFoundNomadException:
        checks["client.ls.list_files of an unknown allocation"] = True
    return checks


def main():
    process, printed = start(sys.argv[1])
    try:
        port = int(re.search(r"^Gateway +http://127\.0\.0\.1:(\d+)", printed, re.M).group(1))
        ids = {
            "alloc": re.search(r"^Allocation +(\S+)", printed, re.M).group(1),
            "node": re.search(r"client1 +(\S+)", printed).group(1),
        }
        checks = check(nomad.Nomad(host="127.0.0.1", port=port, timeout=10), ids)
        for name in checks:
            print(f"ok {name}")
        print(f"python-nomad: {len(checks)} passed, 0 failed")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=5)


main()
