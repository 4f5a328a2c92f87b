"""Jobs with odd ids: every call and every command acts on exactly the named job, and on no other.

Nomad takes any id without spaces. A server tells jobs apart by the path as it was sent, and cleans it before it decodes it.
Beside every job there is another one, whose id is what a reader gets that decodes the path first.
"""

import posixpath
from urllib.parse import quote, unquote

from cli import Side
from wire import wait_for

# Where a slash or a dot is part of a name.
UNCLEAN = ["/lead/slash", "//two/lead", "end/", "end//", "team//web", "a/./b", "a/../b", "../up", "./here", "dots/..", "dot/.",
           "..", "...", "///"]
ODD = ["team/web2", "at@sign", "plus+sign", "semi;colon", "quest?ion", "hash#tag", "til~de", "per%cent", 'quo"te', "less<than",
       "more>than", "com,ma", "dol$lar", "star*star", "back\\slash", "col:on", "uni-ü-名前", "literal%2Fslash", "amp&is=",
       "literal%252F", "{}|^`'", "mix/@+;?#~%\"<>,$*\\:ü"]
IDS = UNCLEAN + ODD
assert len(IDS) == len(set(IDS)) == 36


def neighbours():
    """What else the ids might be taken for."""
    found = {posixpath.normpath("/" + one).strip("/") for one in UNCLEAN} | {one.strip("/") for one in UNCLEAN}
    found |= {unquote(one) for one in IDS}
    return sorted(found - set(IDS) - {"", "."})


def as_go(id):
    """As Go's url.PathEscape, which is what Nomad's own commands use."""
    return quote(id, safe="$&+=:@~")


def as_python(id):
    """As a careful client: the path needs no cleaning."""
    return quote(id, safe="").replace(".", "%2E")


def body(id, is_dispatched=False):
    task = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"},
            "Resources": {"CPU": 20, "MemoryMB": 16}}
    job = {"ID": id, "Name": id, "Type": "batch" if is_dispatched else "service", "Datacenters": ["nowhere"],
           "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [task]}]}
    if is_dispatched:
        job["ParameterizedJob"] = {"Payload": "optional"}
    return {"Job": job}


def run(stage, checks):
    for name, write in (("as Go's", as_go), ("as Python's", as_python)):
        outcomes = [raw(stage, at, write) for at in (stage.cluster.server, stage.gateway)]
        judge(checks, f"calls, ids written {name}", *outcomes)
    sides = [Side(stage.cluster, stage.world, at, name)
             for at, name in ((stage.cluster.server, "ids-server"), (stage.gateway, "ids-gateway"))]
    judge(checks, "commands", *(commands(stage, side) for side in sides))
    clear(stage)


def judge(checks, name, server, gateway):
    """Outcomes by (id, action): a status, and the ids of jobs that were changed."""
    wrong = [f"{id!r} {action}: {gateway[id, action]}, at a server {came}" for (id, action), came in server.items()
             if gateway[id, action] != came]
    others = [f"{id!r} {action} changed {sorted(changed)}" for (id, action), (_, changed) in gateway.items() if changed - {id}]
    checks.that(f"{name}: as at a server", not wrong, f"{len(wrong)} of {len(server)} differ {wrong[:6]}")
    checks.that(f"{name}: no other job is changed", not others, others[:6] if others else len(gateway))


def state(stage):
    """Every job, and the time of its last change. A dispatched job counts for its parent."""
    listed = stage.cluster.api("GET", "/v1/jobs?namespace=*")
    return {(job["ParentID"] or job["ID"], job["ID"] if job["ParentID"] else ""): job["JobModifyIndex"] for job in listed}


class Watch:
    """What each action changed."""

    def __init__(self, stage):
        self.stage, self.before = stage, state(stage)

    def changed(self):
        now, before = state(self.stage), self.before
        self.before = now
        return frozenset(key[0] for key in now.keys() | before.keys() if now.get(key) != before.get(key))


def register(stage, is_dispatched):
    clear(stage)
    for id in IDS + neighbours():
        stage.cluster.api("PUT", "/v1/jobs", body(id, is_dispatched))


def clear(stage):
    kept = {"ticks", "ticks2", "stubborn", "stubborn2"}
    for parent, child in state(stage):
        if parent not in kept:
            path = f"/v1/job/{as_python(child or parent)}?purge=true"
            stage.cluster.api("DELETE", path)
    wait_for("odd jobs to go", lambda: {parent for parent, _ in state(stage)} <= kept)


def raw(stage, at, write):
    token, outcomes = stage.token("mgmt"), {}

    def ask(id, action, method, path, sent=None):
        answer = follow(at, method, f"/v1/job/{write(id)}{path}", token, sent)
        told = answer.status
        if action.startswith("read") and answer.status == 200:
            found = answer.json()
            told = found.get("ID") or found.get("JobID") if isinstance(found, dict) else sorted({one["JobID"] for one in found})
        outcomes[id, action] = (told, watch.changed() if method != "GET" else frozenset())

    register(stage, False)
    watch = Watch(stage)
    for id in IDS:
        for sub in ("", "/summary", "/allocations", "/scale"):
            ask(id, f"read{sub}", "GET", sub)
        ask(id, "scale", "PUT", "/scale", {"Target": {"Group": "g"}, "Count": 1})
        ask(id, "evaluate", "PUT", "/evaluate", {"JobID": id})
        ask(id, "stop", "DELETE", "?purge=true")
    register(stage, True)
    watch = Watch(stage)
    for id in IDS:
        ask(id, "dispatch", "PUT", "/dispatch", {"Payload": "aGVsbG8="})
    return outcomes


def follow(at, method, path, token, sent):
    """Redirects are followed as Go's client does it: 307 keeps the method and the body."""
    for _ in range(5):
        answer = at.ask(method, path, token, sent)
        if answer.status not in (307, 308):
            return answer
        path = answer.header("Location")
    return answer


def commands(stage, side):
    """Nomad's own: exit codes, what was changed, and for what is read the job's own id."""
    outcomes = {}

    def told(id, action, *words):
        done = side.run(words)
        outcomes[id, action] = (done.returncode, watch.changed())

    register(stage, False)
    watch = Watch(stage)
    for id in IDS:
        done = side.run(("job", "inspect", "-t", "{{.ID}}", id))
        outcomes[id, "inspect"] = ((done.returncode, done.stdout.decode().strip()), frozenset())
        told(id, "scale", "job", "scale", "-detach", id, "g", "1")
        told(id, "stop", "job", "stop", "-purge", "-yes", "-detach", id)
    register(stage, True)
    watch = Watch(stage)
    for id in IDS:
        told(id, "dispatch", "job", "dispatch", "-detach", id)
    return outcomes
