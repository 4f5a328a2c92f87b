"""The relay of a real Nomad server beside the gateway, which asks the client agent itself.

One server and one client of NOMAD_BIN with ACLs off; the client runs a task that leaves a file of 256 MiB.
"""

import json
import os
import time
import urllib.request

import load
import processes

SIZE = 256 << 20
JOB = {"Job": {
    "ID": "bench", "Type": "batch", "Datacenters": ["dc1"],
    "TaskGroups": [{"Name": "bench", "Tasks": [{
        "Name": "main", "Driver": "raw_exec", "Config": {"command": "/bin/sh", "args": [
            "-c", f"truncate -s {SIZE} $NOMAD_ALLOC_DIR/data/big.bin; exec sleep 3600"]},
        "Resources": {"CPU": 20, "MemoryMB": 20}}]}]}}


def measure(run):
    if not os.environ.get("NOMAD_BIN"):
        run.sheet.say("\nThe relay of Nomad: skipped, NOMAD_BIN does not name a Nomad binary")
        return
    cluster = Cluster(run.bench)
    try:
        small(run, cluster)
        bulk(run, cluster)
    finally:
        cluster.end()


def small(run, cluster):
    def measured(process, port):
        before = cluster.client.cpu()
        figures = load.small(process, (port, f"/v1/client/stats?node_id={cluster.node}"), run.seconds)
        # wrk warms up for a second before, which is counted here too: a little too much for everybody.
        spent = cluster.client.cpu() - before
        figures["client CPU µs/request"] = spent / (figures["requests/s"] * (run.seconds + 1)) * 1e6
        return figures

    run.each("Nomad's client/stats, 32 connections", [
        ("gateway", (cluster.gateway, cluster.gateway.port)),
        ("Nomad's relay", (cluster.server, cluster.server.port)),
        ("direct", (None, cluster.client.port)),
    ], measured, min(run.args.repetitions, 3))


def bulk(run, cluster):
    path = f"/v1/client/fs/cat/{cluster.allocation}?path=alloc/data/big.bin"
    load.one_body((cluster.client.port, path), SIZE)
    run.each("256 MiB from Nomad", [
        ("gateway", (cluster.gateway, (cluster.gateway.port, path))),
        ("Nomad's relay", (cluster.server, (cluster.server.port, path))),
        ("direct", (None, (cluster.client.port, path))),
    ], lambda process, target: load.body(process, target, SIZE), min(run.args.repetitions, 3))


class Cluster:
    def __init__(self, bench):
        self.bench, self.gateway = bench, None
        ports = processes.free_ports(6)
        self.server = self.agent("nomad-server", ports[:3], processes.PROXY_CORE, """
            server {
              enabled = true
              bootstrap_expect = 1
            }""")
        self.client = self.agent("nomad-client", ports[3:], processes.OTHER_CORES, f"""
            client {{
              enabled = true
              servers = ["127.0.0.1:{ports[1]}"]
              network_interface = "lo"
              cpu_total_compute = 2000
              options {{
                "driver.allowlist" = "raw_exec"
                "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"
              }}
            }}
            plugin "raw_exec" {{
              config {{
                enabled = true
              }}
            }}""")
        nodes = self.wait("/v1/nodes", lambda nodes: nodes and nodes[0]["Status"] == "ready")
        self.node = nodes[0]["ID"]
        self.ask("/v1/jobs", JOB)
        running = self.wait("/v1/job/bench/allocations", lambda all: all and all[0]["ClientStatus"] == "running")
        self.allocation = running[0]["ID"]
        self.gateway = bench.gateway_with("gateway-nomad", f"""
            nomad {{
              address = "http://127.0.0.1:{self.server.port}"
            }}
            acl {{
              enabled = false
            }}""")
        time.sleep(1)

    def agent(self, name, ports, core, role):
        http, rpc, serf = ports
        directory = os.path.join(self.bench.directory, name)
        os.makedirs(f"{directory}/plugins")
        config = self.bench.write(f"{name}.hcl", f"""
            name = "{name}"
            data_dir = "{directory}"
            plugin_dir = "{directory}/plugins"
            bind_addr = "127.0.0.1"
            log_level = "WARN"
            disable_update_check = true
            ports {{
              http = {http}
              rpc = {rpc}
              serf = {serf}
            }}
            advertise {{
              http = "127.0.0.1"
              rpc = "127.0.0.1"
              serf = "127.0.0.1"
            }}
            limits {{
              http_max_conns_per_client = 0
              rpc_max_conns_per_client = 0
            }}
            consul {{
              auto_advertise = false
              server_auto_join = false
              client_auto_join = false
            }}
            {role}""")
        command = [os.path.abspath(os.environ["NOMAD_BIN"]), "agent", f"-config={config}"]
        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory, "GOMAXPROCS": "1"}
        return self.bench.start(name, command, http, core, clean)

    def ask(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait(self, path, is_so, limit=90):
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                answer = self.ask(path)
                if is_so(answer):
                    return answer
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit(f"Nomad: {path} does not become what it should; see {self.bench.directory}")

    def end(self):
        # The job first: its executor would outlive the client.
        try:
            self.ask("/v1/job/bench", method="DELETE")
            self.wait("/v1/job/bench/allocations", lambda all: all[0]["ClientStatus"] != "running", 20)
        finally:
            for process in filter(None, [self.gateway, self.client, self.server]):
                process.end()
