"""A cluster that speaks mutual TLS, with certificates that `nomad tls` makes, and the gateway in between."""

import ssl
import subprocess
from http.client import HTTPException

import config
from cli import Side, back_again, compare, exact, figures, keys, same
from cluster import Cluster
from following import at_keyboard, executed, follow
from wire import Address
from world import World


class Certificates:
    """An authority and a certificate for each role, in one folder."""

    def __init__(self, nomad, folder):
        self.folder = folder
        steps = [["ca", "create"]] + [["cert", "create", role] for role in ("-server", "-client", "-cli")]
        for words in steps:
            subprocess.run([nomad, "tls", *words], cwd=folder, check=True, capture_output=True)

    @property
    def authority(self):
        return f"{self.folder}/nomad-agent-ca.pem"

    def pair(self, role):
        return f"{self.folder}/global-{role}-nomad.pem", f"{self.folder}/global-{role}-nomad-key.pem"

    def context(self, has_certificate=True):
        made = ssl.create_default_context(cafile=self.authority)
        if has_certificate:
            made.load_cert_chain(*self.pair("cli"))
        return made

    def environment(self):
        certificate, key = self.pair("cli")
        return {"NOMAD_CACERT": self.authority, "NOMAD_CLIENT_CERT": certificate, "NOMAD_CLIENT_KEY": key}

    def agent_block(self, role):
        certificate, key = self.pair(role)
        return f"""
tls {{
  http      = true
  rpc       = true
  ca_file   = "{self.authority}"
  cert_file = "{certificate}"
  key_file  = "{key}"
  verify_server_hostname = true
  verify_https_client    = true
}}
"""

    def gateway_blocks(self):
        """The blocks inside `nomad` and beside it: towards agents for a client, towards clients for a server."""
        certificate, key = self.pair("cli")
        own, own_key = self.pair("server")
        inside = f"""  tls {{
    ca_file   = "{self.authority}"
    cert_file = "{certificate}"
    key_file  = "{key}"
  }}
"""
        beside = f"""
tls {{
  http      = true
  ca_file   = "{self.authority}"
  cert_file = "{own}"
  key_file  = "{own_key}"
  verify_https_client = true
}}
"""
        return inside, beside


def rows():
    return [
        same("server", "members"), same("node", "status"), figures("node", "status", "-stats", "{node1}"),
        figures("alloc", "status", "-stats", "{static}"), exact("alloc", "logs", "{static}"),
        exact("alloc", "fs", "{static2}", "main/local/lines.txt"),
        follow("alloc logs -f {ticks2}", ("alloc", "logs", "-f", "{ticks2}"), rb"tick \d+\n"),
        follow("monitor -node-id {node1}", ("monitor", "-log-level=debug", "-node-id", "{node1}"), rb"request complete"),
        executed("stdin", "static"), executed("code", "static2"),
        ("alloc exec -t {static}", lambda side: at_keyboard(side, "static")),
        same("operator", "raft", "list-peers"), keys("agent-info"),
    ]


def run(programs, folder, base):
    """The differences. ACLs are off, as in many clusters."""
    certificates = Certificates(programs[0], folder)
    agents = ["server1", "client1", "client2", "client3"]
    cluster = Cluster(programs, folder, base, agents, tls=certificates, has_acl=False)
    try:
        cluster.start()
        world = World(cluster)
        world.fill()
        more = 'rewrite_http_addr = "self"\n' + config.lost_way(cluster, "client2")
        gateway = cluster.front("gateway", config.gateway(cluster, base + 90, more), base + 90)
        back_again(world)
        sides = [Side(cluster, world, cluster.server, "server"), Side(cluster, world, gateway, "gateway")]
        return compare(sides, rows()) + strangers(gateway, certificates)
    finally:
        cluster.stop()


def strangers(gateway, certificates):
    """A client without a certificate or without TLS is not served; one with a certificate is."""
    wrong = []
    for name, address in (
        ("no certificate", Address(gateway.url, certificates.context(has_certificate=False))),
        ("no TLS", Address(gateway.url.replace("https", "http"))),
    ):
        try:
            answer = address.ask("GET", "/v1/agent/health", seconds=2)
            if answer.status not in (0, 400):
                wrong.append(f"{name}: {answer.status}")
        except (OSError, ssl.SSLError, ValueError, HTTPException):
            pass
    if gateway.ask("GET", "/v1/agent/health").status != 200:
        wrong.append("a certificate of the command line is refused")
    return wrong

