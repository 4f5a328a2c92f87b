"""Three regions of one federation, one of them with ACLs off: an ACL of one region grants nothing in another.

The client needs the capability in the region of the responding agent. A call that names no agent goes to a server of
the gateway's own region, or of the named region, and is never authorized by the other one's ACL.
"""

import threading

import config
from cluster import Cluster
from wire import wait_for

# Calls that no agent authorizes: only the gateway does.
UNGUARDED = (("GET", "/v1/metrics"), ("PUT", "/v1/agent/join?address=127.0.0.1:1"), ("GET", "/v1/gateway/fleet"),
             ("GET", "/v1/gateway/metrics"))
GUARDED = ("/v1/agent/self", "/v1/agent/members", "/v1/agent/servers", "/v1/agent/host", "/v1/agent/pprof/cmdline",
           "/v1/agent/schedulers", "/v1/agent/keyring/list", "/v1/operator/raft/configuration", "/v1/nodes", "/v1/jobs")
RULES = 'agent { policy = "write" }\nnode { policy = "read" }\nnamespace "*" { policy = "read" }'


class Federation:
    """A server in each region."""

    def __init__(self, programs, folder, base):
        self.regions = {
            name: Cluster(programs, f"{folder}/{name}", base + 10 * at, ["server1"], region=name, has_acl=name != "west")
            for at, name in enumerate(("global", "east", "west"))
        }

    def start(self):
        # Elections take a while: all at one time.
        threads = [threading.Thread(target=one.start) for one in self.regions.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        own = self.regions["global"]
        for name in ("east", "west"):
            own.api("PUT", f"/v1/agent/join?address=127.0.0.1:{self.regions[name].port('server1', 2)}")
        for one in self.regions.values():
            wait_for("a federation", lambda: sorted(one.api("GET", "/v1/regions")) == ["east", "global", "west"])

    def token(self, region):
        """A token with capabilities in that region, unknown in every other."""
        api = self.regions[region].api
        api("PUT", "/v1/acl/policy/all", {"Name": "all", "Rules": RULES})
        return api("PUT", "/v1/acl/token", {"Name": "all", "Type": "client", "Policies": ["all"]})["SecretID"]

    def stop(self):
        for one in self.regions.values():
            one.stop()


def run(programs, folder, base, checks):
    federation = Federation(programs, folder, base)
    try:
        federation.start()
        own = federation.regions["global"]
        gateway = own.front("gateway", config.gateway(own, base + 90), base + 90)
        tokens = {name: federation.token(name) for name in ("global", "east")}
        strangers(checks, gateway, own.server, tokens)
        shared(checks, gateway, own, tokens)
        served(checks, gateway, own.server, tokens)
    finally:
        federation.stop()


def strangers(checks, gateway, server, tokens):
    """Tokens of another region, and no token where another region has ACLs off."""
    callers = (("a token of east", tokens["east"], "east"), ("no token", None, "west"), ("no token", None, "east"),
               ("a token of east", tokens["east"], "west"), ("a token of east", tokens["east"], None))
    for who, token, region in callers:
        for method, path in (*UNGUARDED, *(("GET", path) for path in GUARDED)):
            more = f"{'&' if '?' in path else '?'}region={region}" if region else ""
            answer = gateway.ask(method, path + more, token)
            agent = answer.header("X-Nomad-Gateway-Agent")
            # A server relays these to the named region; the agents of that region authorize.
            is_passed_on = not path.startswith(("/v1/agent/", "/v1/gateway/", "/v1/metrics"))
            is_right = answer.status >= 400 or answer.status == server.ask(method, path + more, token).status and (
                is_passed_on or agent.endswith(f".{region}"))
            is_right = is_right or (region and agent.endswith(f".{region}"))
            checks.that(f"{method} {path}{more} with {who}", is_right, (answer.status, agent or "the gateway", answer.text[:60]))


def shared(checks, gateway, own, tokens):
    """One client watches a server at its most verbose; a client without that capability requests the same with its own region."""
    path = "/v1/agent/monitor?log_level=debug"
    watching = threading.Thread(target=lambda: gateway.ask("GET", path, own.management, seconds=4))
    watching.start()
    wait_for("the shared monitor", lambda: gateway.ask("GET", path, own.management, size=1, seconds=2).body)
    callers = (("a token of east", tokens["east"], "east"), ("no token", None, "west"), ("no token", None, "east"))
    for who, token, region in callers:
        for target in ("", "&server_id=server1.global", "&server_id=leader"):
            answer = gateway.ask("GET", f"{path}{target}&region={region}", token, seconds=1.5)
            agent = answer.header("X-Nomad-Gateway-Agent")
            is_right = answer.status != 200 or agent.endswith(f".{region}") or not answer.body
            checks.that(f"the monitor{target}&region={region} of others with {who}", is_right,
                        (answer.status, agent, answer.body[:60]))
    watching.join()


def served(checks, gateway, server, tokens):
    """Allowed requests get a server's response."""
    rows = [("/v1/metrics", "global"), ("/v1/agent/self", "global"), ("/v1/agent/members?region=global", "global"),
            ("/v1/gateway/fleet", "global"), ("/v1/gateway/metrics", "global"), ("/v1/jobs?region=east", "east"),
            ("/v1/nodes?region=east", "east"), ("/v1/jobs?region=west", None), ("/v1/nodes?region=west", "global"),
            ("/v1/jobs?region=nowhere", "global"), ("/v1/agent/host?server_id=server1.east&region=east", "east"),
            ("/v1/agent/host?server_id=server1.west&region=west", None), ("/v1/agent/host?server_id=server1.east", "east"),
            ("/v1/agent/host?server_id=server1.east&region=east", "global"), ("/v1/agent/host?server_id=leader&region=east", "east")]
    for path, who in rows:
        token = tokens.get(who)
        two = gateway.ask("GET", path, token)
        status = 200 if path.startswith("/v1/gateway/") else server.ask("GET", path, token).status
        checks.that(f"GET {path} with {'a token of ' + who if who else 'no token'}", two.status == status,
                    f"{two.status} {two.text[:60] if two.status >= 400 else ''}, at a server {status}")
    for path in ("/v1/metrics", "/v1/agent/self", "/v1/jobs"):
        answer = gateway.ask("GET", f"{path}?region=global&region=east", tokens["global"])
        checks.equal(f"GET {path} of two regions", answer.status, 400)
