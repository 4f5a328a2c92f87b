"""Calls through the gateway, and the same calls to a server: status, content type and body must be the same.

Started by real_nomad.sh. Values that move by themselves are masked; what differs on purpose is listed in EXPECTED, with
both statuses, and explained in docs/differences.md.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

BASE = int(os.environ.get("BASE_PORT", "25400"))
AGENTS = ["server1", "server2", "server3", "client1", "client2"]

# Differences on purpose: the name of the call → (status at a server, status through the gateway).
EXPECTED = {
    "self of a server by name": (200, 200),
    "self of a node": (200, 200),
    "host of a bare name": (500, 200),
    "stats by name": (500, 200),
    "stats of a node without a path": (500, 200),
    "monitor of an unknown node": (500, 404),
    "logs, denied": (500, 403),
    "logs of an unknown allocation": (404, 404),
    "self, bogus token": (403, 403),
}

MOVING = {
    "Timestamp", "Uptime", "uptime", "Date", "last_heartbeat", "last_contact", "LastContact", "goroutines", "stats",
    "CPU", "Memory", "DiskStats", "DeviceStats", "CPUTicksConsumed", "AllocDirStats", "ResourceUsage", "Tasks",
    "Allocations", "Samples", "Gauges", "Counters", "unique.storage.bytesfree", "StatusUpdatedAt", "LastSeen", "Pids",
    "ModTime", "HTTPAddrMoves", "Disk", "Load", "Procs",
}


def port(name, offset=0):
    return BASE + 10 * AGENTS.index(name) + offset


def config(name, folder):
    common = f"""
name = "{name}"
data_dir = "{folder}/{name}/data"
bind_addr = "127.0.0.1"
log_level = "INFO"
disable_update_check = true
leave_on_interrupt = false
leave_on_terminate = false
ports {{
  http = {port(name)}
  rpc  = {port(name, 1)}
  serf = {port(name, 2)}
}}
advertise {{
  http = "127.0.0.1:{port(name)}"
  rpc  = "127.0.0.1:{port(name, 1)}"
  serf = "127.0.0.1:{port(name, 2)}"
}}
acl {{
  enabled = true
}}
consul {{
  auto_advertise   = false
  server_auto_join = false
  client_auto_join = false
}}
"""
    if name.startswith("server"):
        join = ", ".join(f'"127.0.0.1:{port(server, 2)}"' for server in AGENTS[:3])
        return common + f"""
server {{
  enabled          = true
  bootstrap_expect = 3
  server_join {{
    retry_join     = [{join}]
    retry_interval = "1s"
  }}
}}
"""
    servers = ", ".join(f'"127.0.0.1:{port(server, 1)}"' for server in AGENTS[:3])
    return common + f"""
client {{
  enabled           = true
  servers           = [{servers}]
  network_interface = "lo"
  options {{
    "driver.allowlist"     = "raw_exec"
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault,cni,bridge"
  }}
}}
plugin "raw_exec" {{
  config {{
    enabled = true
  }}
}}
"""


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.type = response.getheader("Content-Type") or ""
        self.way = response.getheader("X-Nomad-Gateway-Path") or ""
        self.agent = response.getheader("X-Nomad-Gateway-Agent") or ""
        self.index = response.getheader("X-Nomad-Index")
        self.body = body


def ask(at, method, path, token=None, body=None, limit=None):
    connection = http.client.HTTPConnection("127.0.0.1", at, timeout=30)
    headers = {"X-Nomad-Token": token} if token else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    data = response.read(limit) if limit else response.read()
    answer = Answer(response, data)
    connection.close()
    return answer


def wait_for(what, check, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = check()
            if found:
                return found
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            pass
        time.sleep(0.2)
    raise SystemExit(f"timed out waiting for {what}")


def masked(value):
    if isinstance(value, dict):
        # Gossip has no order, and each server says its own name.
        if "ServerName" in value:
            value = {**value, "ServerName": "moving", "Members": sorted(value["Members"], key=lambda one: one["Name"])}
        return {key: "moving" if key in MOVING else masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return value


def told(answer):
    """The body as it is compared: JSON masked, texts without the words that each RPC hop puts before them."""
    try:
        return masked(json.loads(answer.body))
    except ValueError:
        text = answer.body.decode(errors="replace")
        while text.startswith("rpc error: "):
            text = text[len("rpc error: "):]
        return text


class Cluster:
    def __init__(self, binary, gateway, folder):
        self.binary, self.gateway_binary, self.folder = binary, gateway, folder
        self.running = []
        self.gateway = BASE + 90

    def start(self):
        for name in AGENTS:
            os.makedirs(f"{self.folder}/{name}/data")
            with open(f"{self.folder}/{name}/agent.hcl", "w") as file:
                file.write(config(name, self.folder))
            self.run([self.binary, "agent", f"-config={self.folder}/{name}/agent.hcl"], name)
        server = port("server1")
        wait_for("a leader", lambda: len(json.loads(ask(server, "GET", "/v1/status/leader").body)) > 3)
        made = wait_for("the bootstrap token", lambda: self.bootstrap(server))
        self.management = made
        nodes = wait_for("two ready nodes", self.ready)
        self.nodes = {node["Name"]: node["ID"] for node in nodes}
        self.policies()
        self.job()

    def run(self, command, name):
        log = open(f"{self.folder}/{name}.log", "ab")
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.folder}
        self.running.append(subprocess.Popen(command, stdout=log, stderr=log, env=env, start_new_session=True))

    def bootstrap(self, server):
        answer = ask(server, "PUT", "/v1/acl/bootstrap")
        return json.loads(answer.body)["SecretID"] if answer.status == 200 else None

    def ready(self):
        nodes = json.loads(ask(port("server1"), "GET", "/v1/nodes", self.management).body)
        nodes = [node for node in nodes if node["Status"] == "ready"]
        return nodes if len(nodes) == 2 else None

    def policies(self):
        self.tokens = {"mgmt": self.management, "none": None, "bogus": "11111111-2222-3333-4444-555555555555"}
        rules = {
            "logs": 'namespace "default" { capabilities = ["read-job", "read-logs"] }',
            "read": 'namespace "*" { policy = "read" }\nagent { policy = "read" }\nnode { policy = "read" }',
        }
        for name, text in rules.items():
            body = json.dumps({"Name": name, "Rules": text})
            assert ask(port("server1"), "PUT", f"/v1/acl/policy/{name}", self.management, body).status == 200
            body = json.dumps({"Name": name, "Type": "client", "Policies": [name]})
            made = ask(port("server1"), "PUT", "/v1/acl/token", self.management, body)
            self.tokens[name] = json.loads(made.body)["SecretID"]

    def job(self):
        task = {
            "Name": "say", "Driver": "raw_exec",
            "Config": {"command": "/bin/sh", "args": ["-c", "echo one; echo two; exec sleep 1000"]},
            "Resources": {"CPU": 50, "MemoryMB": 32},
        }
        job = {
            "ID": "say", "Type": "service", "Datacenters": ["*"],
            "TaskGroups": [{"Name": "say", "Count": 1, "Tasks": [task]}],
        }
        made = ask(port("server1"), "PUT", "/v1/jobs", self.management, json.dumps({"Job": job}))
        assert made.status == 200, made.body

        def running():
            listed = json.loads(ask(port("server1"), "GET", "/v1/job/say/allocations", self.management).body)
            listed = [alloc for alloc in listed if alloc["ClientStatus"] == "running"]
            return listed[0] if listed else None

        alloc = wait_for("the allocation", running)
        self.alloc, self.near = alloc["ID"], alloc["NodeName"]
        self.far = next(name for name in self.nodes if name != self.near)
        path = f"/v1/client/fs/cat/{self.alloc}?path=alloc/logs/say.stdout.0"
        wait_for("its log", lambda: b"two" in ask(port("server1"), "GET", path, self.management).body)

    def front(self):
        with open(f"{self.folder}/gateway.hcl", "w") as file:
            file.write(f'ports {{\n  http = {self.gateway}\n}}\nnomad {{\n  token = "{self.management}"\n}}\nservers {{\n')
            for name in AGENTS[:3]:
                file.write(f'  {name} = "http://127.0.0.1:{port(name)}"\n')
            file.write("}\n")
            # A wrong address: calls to this node must be relayed.
            file.write(f'node "{self.far}" {{\n  id = "{self.nodes[self.far]}"\n  address = "http://127.0.0.1:1"\n}}\n')
        self.run([self.gateway_binary, "serve", "--config", f"{self.folder}/gateway.hcl"], "gateway")
        wait_for("the gateway", lambda: ask(self.gateway, "GET", "/v1/status/leader").status == 200)

    def stop(self):
        if getattr(self, "management", None):
            try:
                ask(port("server1"), "DELETE", "/v1/job/say?purge=true", self.management)
                time.sleep(1)
            except OSError:
                pass
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        with open("/proc/mounts") as mounts:
            left = [line.split()[1] for line in mounts if f" {self.folder}/" in line]
        for mount in sorted(left, reverse=True):
            subprocess.run(["umount", mount], check=False)


def calls(cluster):
    """Name, method, path, token, how the gateway's answer must have come."""
    one, two = cluster.nodes[cluster.near], cluster.nodes[cluster.far]
    alloc, unknown = cluster.alloc, "ffffffff-1111-2222-3333-444444444444"
    logs = f"/v1/client/fs/logs/{alloc}?task=say&type=stdout"
    return [
        ("jobs", "GET", "/v1/jobs", "mgmt", "pass"),
        ("jobs, no token", "GET", "/v1/jobs", "none", "pass"),
        ("a job", "GET", "/v1/job/say", "read", "pass"),
        ("nodes", "GET", "/v1/nodes", "mgmt", "pass"),
        ("nodes, denied", "GET", "/v1/nodes", "logs", "pass"),
        ("a node", "GET", f"/v1/node/{one}", "read", "pass"),
        ("an allocation", "GET", f"/v1/allocation/{alloc}", "logs", "pass"),
        ("regions", "GET", "/v1/regions", "none", "pass"),
        ("leader", "GET", "/v1/status/leader", "none", "pass"),
        ("peers", "GET", "/v1/status/peers", "none", "pass"),
        ("the web page", "GET", "/ui/", "none", "pass"),
        ("no such call", "GET", "/v1/nothing", "mgmt", "pass"),
        ("key set", "GET", "/.well-known/jwks.json", "none", "pass"),
        ("own token", "GET", "/v1/acl/token/self", "read", "pass"),
        ("policies", "GET", "/v1/acl/policies", "mgmt", "pass"),
        ("blocking", "GET", "/v1/jobs?index=1&wait=1s", "mgmt", "pass"),
        ("members", "GET", "/v1/agent/members", "read", "pass"),
        ("members, denied", "GET", "/v1/agent/members", "logs", ""),
        ("self of a server by name", "GET", "/v1/agent/self?server_id=server2", "mgmt", "direct"),
        ("self of a node", "GET", f"/v1/agent/self?node_id={one}", "mgmt", "direct"),
        ("host of a server", "GET", "/v1/agent/host?server_id=server2.global", "mgmt", "direct"),
        ("host of the leader", "GET", "/v1/agent/host?server_id=leader", "mgmt", "direct"),
        ("host of a bare name", "GET", "/v1/agent/host?server_id=server2", "mgmt", "direct"),
        ("host of a node", "GET", f"/v1/agent/host?node_id={one}", "read", "direct"),
        ("host of a node without a path", "GET", f"/v1/agent/host?node_id={two}", "read", "relay"),
        ("stats of a node without a path", "GET", f"/v1/client/stats?node_id={cluster.far}", "read", "relay"),
        ("metadata of a node without a path", "GET", f"/v1/client/metadata?node_id={two}", "read", "relay"),
        ("host, denied", "GET", f"/v1/agent/host?node_id={two}", "logs", ""),
        ("profile of a node", "GET", f"/v1/agent/pprof/cmdline?node_id={one}", "mgmt", "direct"),
        ("profile, denied", "GET", f"/v1/agent/pprof/cmdline?node_id={one}", "read", ""),
        ("monitor of an unknown node", "GET", f"/v1/agent/monitor?node_id={unknown}", "mgmt", ""),
        ("stats of a node", "GET", f"/v1/client/stats?node_id={one}", "read", "direct"),
        ("stats by name", "GET", f"/v1/client/stats?node_id={cluster.near}", "read", "direct"),
        ("stats of an unknown node", "GET", f"/v1/client/stats?node_id={unknown}", "mgmt", ""),
        ("metadata of a node", "GET", f"/v1/client/metadata?node_id={one}", "read", "direct"),
        ("logs", "GET", logs + "&plain=true", "logs", "direct"),
        ("logs in frames", "GET", logs, "logs", "direct"),
        ("logs, denied", "GET", logs, "none", ""),
        ("logs of an unknown allocation", "GET", logs.replace(alloc, unknown), "mgmt", ""),
        ("logs of no allocation", "GET", logs.replace(alloc, "x"), "mgmt", ""),
        ("logs without a task", "GET", f"/v1/client/fs/logs/{alloc}?type=stdout", "mgmt", "direct"),
        ("files", "GET", f"/v1/client/fs/ls/{alloc}?path=alloc/logs", "mgmt", "direct"),
        ("files, denied", "GET", f"/v1/client/fs/ls/{alloc}?path=alloc/logs", "logs", ""),
        ("a file", "GET", f"/v1/client/fs/cat/{alloc}?path=alloc/logs/say.stdout.0", "mgmt", "direct"),
        ("allocation's stats", "GET", f"/v1/client/allocation/{alloc}/stats", "logs", "direct"),
        ("allocation's checks", "GET", f"/v1/client/allocation/{alloc}/checks", "logs", "direct"),
        ("restart, denied", "PUT", f"/v1/client/allocation/{alloc}/restart", "logs", ""),
        ("self, bogus token", "GET", "/v1/agent/self", "bogus", ""),
        ("collect garbage of a node", "GET", f"/v1/client/gc?node_id={two}", "mgmt", "relay"),
        ("collect garbage, denied", "GET", f"/v1/client/gc?node_id={two}", "read", ""),
    ]


def compare(cluster):
    """The differences that nobody expects, as lines."""
    wrong, by_way = [], {}
    for name, method, path, token, way in calls(cluster):
        secret = cluster.tokens[token]
        server = ask(port("server1"), method, path, secret)
        gateway = ask(cluster.gateway, method, path, secret)
        by_way[gateway.way] = by_way.get(gateway.way, 0) + 1
        if gateway.way != way:
            wrong.append(f"{name}: came by {gateway.way!r}, not by {way!r}")
        if name in EXPECTED:
            if (server.status, gateway.status) != EXPECTED[name]:
                wrong.append(f"{name}: {server.status} and {gateway.status}, expected {EXPECTED[name]}")
            continue
        if server.status != gateway.status:
            wrong.append(f"{name}: {server.status} {server.body[:120]!r}, gateway {gateway.status} {gateway.body[:120]!r}")
        elif told(server) != told(gateway):
            wrong.append(f"{name}: {str(told(server))[:300]} and {str(told(gateway))[:300]}")
        elif server.type != gateway.type:
            wrong.append(f"{name}: {server.type!r}, gateway {gateway.type!r}")
    return wrong, by_way


def command_line(cluster):
    """What Nomad's own command line prints."""
    wrong = []
    for words in (
        ["server", "members"],
        ["node", "status", cluster.nodes[cluster.near][:8]],
        ["alloc", "logs", cluster.alloc[:8]],
        ["alloc", "fs", cluster.alloc[:8], "alloc/logs/say.stdout.0"],
        ["alloc", "status", cluster.alloc],
        ["job", "status", "say"],
        ["operator", "api", "/v1/agent/health"],
    ):
        said = []
        for at in (port("server1"), cluster.gateway):
            env = {"NOMAD_ADDR": f"http://127.0.0.1:{at}", "NOMAD_TOKEN": cluster.management, "HOME": cluster.folder}
            done = subprocess.run([cluster.binary, *words], env=env, capture_output=True, check=False, timeout=30)
            said.append((done.returncode, sorted(line for line in done.stdout.splitlines() if b"ago" not in line)))
        # What a host uses moves while it is looked at.
        is_same = said[0][0] == said[1][0] and (said[0] == said[1] or words[0] == "node")
        if not is_same or said[1][0] != 0:
            wrong.append(f"nomad {' '.join(words)}: {said}")
    return wrong


def streams(cluster):
    """Streams have no end to compare; their beginning says enough."""
    wrong = []
    follow = f"/v1/client/fs/logs/{cluster.alloc}?task=say&type=stdout&follow=true&plain=true"
    first = ask(cluster.gateway, "GET", follow, cluster.tokens["logs"], limit=8)
    if first.body != b"one\ntwo\n":
        wrong.append(f"followed log: {first.body!r}")
    events = ask(cluster.gateway, "GET", "/v1/event/stream?topic=Job:say&index=1", cluster.management, limit=3)
    if events.status != 200 or not events.body.startswith(b"{"):
        wrong.append(f"event stream: {events.status} {events.body!r}")
    saved = ask(cluster.gateway, "GET", "/v1/operator/snapshot", cluster.management)
    if saved.status != 200 or saved.body[:2] != b"\x1f\x8b":
        wrong.append(f"snapshot: {saved.status} {saved.body[:60]!r}")
    restored = ask(cluster.gateway, "PUT", "/v1/operator/snapshot", cluster.management, saved.body)
    if restored.status != 200:
        wrong.append(f"snapshot back: {restored.status} {restored.body!r}")
    return wrong


def main():
    folder = tempfile.mkdtemp(prefix="real-nomad-")
    cluster = Cluster(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), folder)
    try:
        cluster.start()
        cluster.front()
        wrong, by_way = compare(cluster)
        wrong += command_line(cluster)
        wrong += streams(cluster)
    finally:
        cluster.stop()
        if not os.environ.get("KEEP"):
            subprocess.run(["rm", "-rf", folder], check=False)
    ways = ", ".join(f"{count} {way or 'by the gateway itself'}" for way, count in sorted(by_way.items()))
    print(f"{sum(by_way.values())} calls compared ({ways}), 4 streams and 7 commands; {len(EXPECTED)} differ on purpose")
    for line in wrong:
        print(f"DIFFERENT {line}")
    return 1 if wrong else 0


sys.exit(main())
