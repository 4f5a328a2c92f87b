"""A cluster of real Nomad agents on loopback, and gateways in front of it."""

import os
import signal
import subprocess
import time

import config
from wire import Address, wait_for


class Cluster:
    """Agents by name: `server…`, `client…`, or servers and clients in one, named in `both`.

    `tls` names a folder with certificates, or nothing for plain HTTP; `advertised` says under which host an agent tells its
    HTTP API, where that is not `host`.
    """

    def __init__(self, programs, folder, base, agents, **how):
        self.nomad, self.gateway_program = programs
        self.folder, self.base, self.agents = folder, base, agents
        self.has_acl, self.tls = how.get("has_acl", True), how.get("tls")
        self.region, self.host = how.get("region", "global"), how.get("host", "127.0.0.1")
        self.advertised, self.both = how.get("advertised", {}), how.get("both", ())
        self.running, self.management = {}, None

    @property
    def servers(self):
        return [name for name in self.agents if name.startswith("server") or name in self.both]

    @property
    def clients(self):
        return [name for name in self.agents if name.startswith("client") or name in self.both]

    def port(self, name, offset=0):
        return self.base + 10 * self.agents.index(name) + offset

    def at(self, port):
        scheme = "https" if self.tls else "http"
        return Address(f"{scheme}://{self.host}:{port}", self.tls.context() if self.tls else None)

    @property
    def server(self):
        """The server that the gateway is compared with."""
        return self.at(self.port(self.servers[0]))

    def start(self):
        for name in self.agents:
            self.start_agent(name)
        wait_for("a leader", lambda: len(self.server.ask("GET", "/v1/status/leader").json()) > 3)
        wait_for("all peers", lambda: len(self.server.ask("GET", "/v1/status/peers").json()) == len(self.servers))
        if self.has_acl:
            self.management = wait_for("the bootstrap token", self.bootstrap)
        self.nodes = wait_for("ready nodes", self.ready) if self.clients else {}

    def start_agent(self, name):
        os.makedirs(f"{self.folder}/{name}/data", exist_ok=True)
        file = f"{self.folder}/{name}/agent.hcl"
        with open(file, "w") as out:
            out.write(config.agent(self, name))
        self.run([self.nomad, "agent", f"-config={file}"], name)

    def run(self, command, name):
        log = open(f"{self.folder}/{name}.log", "ab")
        # A clean environment: agents show it.
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.folder, "LANG": "C.UTF-8"}
        # In the folder, so that processes that outlive their agent are found by their working directory.
        self.running[name] = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=self.folder, start_new_session=True)

    def bootstrap(self):
        answer = self.server.ask("PUT", "/v1/acl/bootstrap")
        return answer.json()["SecretID"] if answer.status == 200 else None

    def ready(self):
        """Ids of the nodes by name, once all are there."""
        nodes = {node["Name"]: node["ID"] for node in self.api("GET", "/v1/nodes") if node["Status"] == "ready"}
        return nodes if len(nodes) == len(self.clients) else None

    def api(self, method, path, body=None):
        """A call to the server that must succeed."""
        answer = self.server.ask(method, path, self.management, body)
        if answer.status != 200:
            raise OSError(f"{method} {path}: {answer.status} {answer.text}")
        return answer.json() if answer.body else None

    def front(self, name, text, port, context=None):
        """A gateway with that configuration; `context` where it speaks TLS and its agents do not."""
        file = f"{self.folder}/{name}.hcl"
        with open(file, "w") as out:
            out.write(text)
        self.run([self.gateway_program, "serve", "--config", file], name)
        gateway = Address(f"https://{self.host}:{port}", context) if context else self.at(port)
        wait_for(name, lambda: gateway.ask("GET", "/v1/status/leader").status == 200)
        return gateway

    def running_agents(self):
        return [name for name in self.agents if name in self.running]

    def kill(self, name):
        """An agent is killed."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self):
        self.stop_jobs()
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.end_leftovers()
        with open("/proc/mounts") as mounts:
            left = [line.split()[1] for line in mounts if f" {self.folder}/" in line]
        for mount in sorted(left, reverse=True):
            subprocess.run(["umount", mount], check=False)

    def stop_jobs(self):
        try:
            jobs = self.api("GET", "/v1/jobs?namespace=*")
            for job in jobs:
                self.api("DELETE", f"/v1/job/{job['ID']}?namespace={job['Namespace']}")
            wait_for("tasks to end", self.all_ended, 20)
        except (OSError, ValueError, SystemExit):
            pass

    def all_ended(self):
        living = [alloc for alloc in self.api("GET", "/v1/allocations?namespace=*") if alloc["ClientStatus"] == "running"]
        return not living

    def end_leftovers(self):
        """Executors, log collectors and tasks that outlived their agent: their working directory is in the folder."""
        for _ in range(20):
            left = [pid for pid in os.listdir("/proc") if pid.isdigit() and self.is_ours(pid)]
            for pid in left:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except OSError:
                    pass
            if not left:
                return
            time.sleep(0.05)

    def is_ours(self, pid):
        try:
            where = os.readlink(f"/proc/{pid}/cwd")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
        except OSError:
            return False
        return int(pid) != os.getpid() and (f"{where}/".startswith(f"{self.folder}/") or f"{self.folder}/" in words)
