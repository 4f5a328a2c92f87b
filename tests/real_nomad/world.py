"""The content of the cluster: tokens of many kinds, jobs with known files and logs, a node that is down, variables."""

from wire import wait_for

POLICIES = {
    "agent-read": 'agent { policy = "read" }',
    "agent-write": 'agent { policy = "write" }',
    "node-read": 'node { policy = "read" }',
    "node-write": 'node { policy = "write" }',
    "operator": 'operator { policy = "read" }',
    "logs": 'namespace "default" { capabilities = ["read-job", "read-logs"] }',
    "fs": 'namespace "default" { capabilities = ["read-job", "read-fs"] }',
    "ns-read": 'namespace "default" { policy = "read" }',
    "ns-write": 'namespace "default" { policy = "write" }',
    "other": 'namespace "other" { policy = "write" }',
    "read": 'namespace "*" { policy = "read" }\nagent { policy = "read" }\nnode { policy = "read" }\noperator { policy = "read" }',
    "deny": 'namespace "default" { policy = "deny" }\nagent { policy = "deny" }\nnode { policy = "deny" }',
}

# What a task writes into its directory and its log: everything that the calls below read.
SCRIPT = r"""
cd "$NOMAD_TASK_DIR"
printf 'hello world\n' > hello.txt
printf '<html><script>alert(1)</script></html>\n' > page.html
printf '{"a":1,"b":[true,null]}\n' > data.json
: > empty
head -c 300000 /dev/zero | tr '\0' 'z' > big
seq -f 'line %06.0f' 1 10000 > lines.txt
printf 'space\n' > 'sp ace.txt'
mkdir -p sub/deep; printf 'nested\n' > sub/deep/nested.txt
ln -sf hello.txt link.txt
ln -sf /etc/debian_version outside
printf 'shared\n' > "$NOMAD_ALLOC_DIR/data/shared.txt"
seq -f 'out %05.0f' 1 200
seq -f 'err %05.0f' 1 50 >&2
trap 'echo told' USR1
while :; do sleep 0.2; done
"""

TICKS = 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.2; done'


def task(script, **more):
    return {
        "Name": "main", "Driver": "raw_exec", "Config": {"command": "/bin/bash", "args": ["-c", script]},
        "Resources": {"CPU": 50, "MemoryMB": 32}, "KillTimeout": 1_000_000_000, **more,
    }


def job(name, role, tasks, **more):
    group = {
        "Name": "g", "Count": 1, "Tasks": tasks,
        "RestartPolicy": {"Attempts": 2, "Mode": "fail", "Interval": 60_000_000_000, "Delay": 1_000_000_000},
    }
    group.update(more.pop("group", {}))
    where = [{"LTarget": "${meta.role}", "RTarget": role, "Operand": "="}]
    return {"ID": name, "Name": name, "Type": "service", "Datacenters": ["*"], "Constraints": where,
            "TaskGroups": [group], **more}


def jobs():
    service = {"Name": "static-web", "Provider": "nomad", "Tags": ["one"], "Address": "127.0.0.1"}
    action = {"Name": "greet", "Command": "/bin/sh", "Args": ["-c", "echo greetings; exit 0"]}
    known = task(SCRIPT, Actions=[action], Services=[service], Identities=[{"Name": "nomad_api", "File": True}])
    return [
        job("static", "client1", [known]),
        job("static2", "client2", [task(SCRIPT)]),
        job("ticks", "client1", [task(TICKS)]),
        job("ticks2", "client2", [task(TICKS)]),
        job("done", "client1", [task("echo done; echo file > local/file.txt")], Type="batch"),
        job("failed", "client2", [task("echo failing; exit 3", RestartPolicy={"Attempts": 0, "Mode": "fail"})], Type="batch"),
        job("ghost", "client3", [task("echo ghost; exec sleep 100000")]),
        job("other", "client1", [task(SCRIPT)], Namespace="other"),
        job("param", "client1", [task('echo "$NOMAD_META_what"')], Type="batch",
            ParameterizedJob={"MetaOptional": ["what"], "Payload": "optional"}),
    ]


ENDS = {"done": "complete", "failed": "failed"}


def has_settled(alloc):
    """Whether none of its tasks is about to start."""
    return all(task["State"] != "pending" for task in (alloc["TaskStates"] or {}).values())


class World:
    """Symbols for paths (`{node1}`, `{static}`, …) and tokens by name."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.tokens = {"mgmt": cluster.management, "none": None, "malformed": "not-a-uuid",
                       "bogus": "11111111-2222-3333-4444-555555555555"}
        self.ids = {f"node{name[-1]}": id for name, id in cluster.nodes.items()}
        self.ids.update({f"serf{name[-1]}": str(cluster.port(name, 2)) for name in cluster.servers})
        self.ids["unknown"] = "ffffffff-1111-2222-3333-444444444444"

    def fill(self):
        api = self.cluster.api
        api("PUT", "/v1/namespace/other", {"Name": "other", "Description": "a second one"})
        if self.cluster.has_acl:
            self.make_tokens()
        for one in jobs():
            api("PUT", "/v1/jobs", {"Job": one})
        for one in jobs():
            if "ParameterizedJob" not in one:
                alloc = wait_for(f"an allocation of {one['ID']}", lambda: self.allocation(one))
                self.ids[one["ID"]] = alloc["ID"]
                self.ids[one["ID"] + "_eval"] = alloc["EvalID"]
        self.cluster.kill("client3")
        api("PUT", "/v1/var/settings", {"Path": "settings", "Items": {"colour": "blue"}})
        self.wait_for_files()
        self.name_servers()
        wait_for("a node that is down", lambda: api("GET", f"/v1/node/{self.ids['node3']}")["Status"] == "down")

    def make_tokens(self):
        api = self.cluster.api
        for name, rules in POLICIES.items():
            api("PUT", f"/v1/acl/policy/{name}", {"Name": name, "Rules": rules})
            made = api("PUT", "/v1/acl/token", {"Name": name, "Type": "client", "Policies": [name]})
            self.tokens[name] = made["SecretID"]
            self.ids[f"accessor_{name.replace('-', '_')}"] = made["AccessorID"]
        body = {"Name": "short", "Type": "client", "Policies": ["read"], "ExpirationTTL": "1s"}
        self.tokens["expired"] = api("PUT", "/v1/acl/token", body)["SecretID"]
        gone = api("PUT", "/v1/acl/token", {"Name": "gone", "Type": "client", "Policies": ["read"]})
        api("DELETE", f"/v1/acl/token/{gone['AccessorID']}")
        self.tokens["deleted"] = gone["SecretID"]

    def allocation(self, one):
        namespace = one.get("Namespace", "default")
        listed = self.cluster.api("GET", f"/v1/job/{one['ID']}/allocations?namespace={namespace}")
        want = ENDS.get(one["ID"], "running")
        return next((alloc for alloc in listed if alloc["ClientStatus"] == want and has_settled(alloc)), None)

    def wait_for_files(self):
        for name in ("static", "static2", "other"):
            path = f"/v1/client/fs/cat/{self.ids[name]}?path=alloc/logs/main.stderr.0"
            wait_for(f"what {name} says", lambda: "err 00050" in self.cluster.server.ask(
                "GET", path, self.cluster.management).text)
        if self.cluster.has_acl:
            folder = f"{self.cluster.folder}/client1/data/alloc/{self.ids['static']}/main/secrets"
            with open(f"{folder}/nomad_nomad_api.jwt") as file:
                self.tokens["workload"] = file.read().strip()

    def name_servers(self):
        leader = self.cluster.api("GET", "/v1/status/leader")
        ports = {self.cluster.port(name, 1): name for name in self.cluster.servers}
        name = ports[int(leader.rsplit(":", 1)[1])]
        members = self.cluster.api("GET", "/v1/agent/members")["Members"]
        self.ids["leader"] = f"{name}.global"
        self.ids["follower"] = next((f"{one}.global" for one in self.cluster.servers if one != name), f"{name}.global")
        # Not the agent that gets the request: one with its own name in the request responds itself.
        self.ids["another"] = f"{self.cluster.servers[-1]}.global"
        self.ids["server_uuid"] = next(one["Tags"]["id"] for one in members if one["Name"] == self.ids["follower"])

    def named(self, text):
        """The text with ids for its symbols."""
        for name, id in self.ids.items():
            text = text.replace("{" + name + "}", id)
        return text
