"""Writes that are undone again: each sequence is made at a server, then through the gateway."""

import json

from call import Call
from compare import Pair, aspects

# What differs from one write to the next.
FRESH = {
    "EvalID", "JobModifyIndex", "Index", "EvalCreateIndex", "ModifyIndex", "CreateIndex", "AccessorID", "SecretID",
    "DispatchedJobID", "JobCreateIndex", "ModifyTime", "CreateTime", "SubmitTime", "Hash", "ExpiresAt", "OneTimeSecretID",
    "EvalIDs", "ID", "Name", "NodeModifyIndex", "ExpirationTime", "HostPath", "Version", "IssuedAt", "Warnings", "TaggedTime",
}


def put(path, body=None, way="pass", **more):
    return Call(path, way, method="PUT", body=body, **more)


def delete(path):
    return Call(path, method="DELETE")


def draft(meta="one"):
    task = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}, "Resources": {"CPU": 20, "MemoryMB": 16}}
    group = {"Name": "g", "Count": 0, "Tasks": [task]}
    return {"Job": {"ID": "draft", "Name": "draft", "Type": "service", "Datacenters": ["*"], "Meta": {"what": meta},
                    "TaskGroups": [group]}}


def sequences():
    """Lists of (call, values to take from its response: symbol → key)."""
    return [
        [(put("/v1/jobs", draft()), {}), (Call("/v1/job/draft"), {}), (put("/v1/job/draft/plan", {**draft("two"), "Diff": True}), {}),
         (put("/v1/jobs", draft("two")), {}), (put("/v1/job/draft/scale", {"Target": {"Group": "g"}, "Count": 0}), {}),
         (put("/v1/job/draft/evaluate", {"JobID": "draft"}), {}), (put("/v1/job/draft/periodic/force"), {}),
         (put("/v1/job/draft/revert", {"JobID": "draft", "JobVersion": 0}), {}),
         (put("/v1/job/draft/stable", {"JobID": "draft", "JobVersion": 0, "Stable": True}), {}),
         (put("/v1/job/draft/versions/draft/tag", {}), {}), (delete("/v1/job/draft"), {}),
         (delete("/v1/job/draft?purge=true"), {}), (delete("/v1/job/draft?purge=true"), {})],
        [(put("/v1/job/param/dispatch", {"Meta": {"what": "ever"}, "Payload": "aGVsbG8="}), {"sent": "DispatchedJobID"}),
         (put("/v1/job/param/dispatch", {"Meta": {"other": "x"}}), {}), (Call("/v1/job/{sent}", looks="shape"), {}),
         (delete("/v1/job/{sent}?purge=true"), {})],
        [(put("/v1/var/made", {"Path": "made", "Items": {"a": "b"}}), {}), (Call("/v1/var/made"), {}),
         (put("/v1/var/made?cas=0", {"Path": "made", "Items": {"a": "c"}}), {}),
         (put("/v1/var/made", {"Path": "made", "Items": {"a": "x" * 70000}}), {}), (delete("/v1/var/made"), {}),
         (Call("/v1/var/made"), {})],
        [(put("/v1/namespace/made", {"Name": "made", "Description": "d", "Meta": {"a": "b"}}), {}),
         (Call("/v1/namespace/made"), {}), (delete("/v1/namespace/made"), {}), (delete("/v1/namespace/made"), {})],
        [(put("/v1/acl/policy/made", {"Name": "made", "Rules": 'node { policy = "read" }'}), {}),
         (put("/v1/acl/policy/made", {"Name": "made", "Rules": "node {"}), {}), (Call("/v1/acl/policy/made"), {}),
         (put("/v1/acl/token", {"Name": "made", "Type": "client", "Policies": ["made"]}), {"accessor": "AccessorID"}),
         (Call("/v1/acl/token/{accessor}"), {}), (delete("/v1/acl/token/{accessor}"), {}),
         (put("/v1/acl/role", {"Name": "made", "Policies": [{"Name": "made"}]}), {"role": "ID"}),
         (delete("/v1/acl/role/{role}"), {}), (delete("/v1/acl/policy/made"), {})],
        [(put("/v1/acl/token/onetime"), {}),
         (put("/v1/acl/auth-method", {"Name": "made", "Type": "JWT", "TokenLocality": "local", "MaxTokenTTL": "1h",
                                      "Config": {"JWKSURL": "http://127.0.0.1:1/keys"}}), {}),
         (delete("/v1/acl/auth-method/made"), {})],
        [(put("/v1/node/{node1}/eligibility", {"Eligibility": "ineligible"}), {}),
         (put("/v1/node/{node1}/eligibility", {"Eligibility": "eligible"}), {}),
         (put("/v1/node/{node1}/eligibility", {"Eligibility": "bogus"}), {}),
         (put("/v1/node/{node1}/drain", {"DrainSpec": None, "MarkEligible": True}), {}),
         (put("/v1/node/{node2}/evaluate"), {})],
        [(put("/v1/node/pool/made", {"Name": "made", "Description": "d"}), {}), (Call("/v1/node/pool/made"), {}),
         (delete("/v1/node/pool/made"), {})],
        [(Call("/v1/client/metadata?node_id={node1}", "direct", method="POST", body={"Meta": {"made": "here"}}), {}),
         (Call("/v1/client/metadata?node_id={node1}", "direct"), {}),
         (Call("/v1/client/metadata", "direct", method="POST", body={"NodeID": "{node1}", "Meta": {"made": None}}), {}),
         (Call("/v1/client/metadata?node_id={node2}", "relay", method="POST", body={"Meta": {"made": "there"}}), {}),
         (Call("/v1/client/metadata?node_id={node2}", "relay", method="POST", body={"Meta": {"made": None}}), {})],
        [(put("/v1/client/identity/renew?node_id={node1}", way="direct"), {}),
         (put("/v1/client/identity/renew", {"NodeID": "{node1}"}, "direct"), {})],
        [(put("/v1/operator/scheduler/configuration", {"SchedulerAlgorithm": "binpack"}), {}),
         (put("/v1/operator/autopilot/configuration", {"CleanupDeadServers": True, "LastContactThreshold": "200ms",
                                                       "MaxTrailingLogs": 250, "ServerStabilizationTime": "10s"}), {})],
        [(put("/v1/agent/join?address=127.0.0.1:{serf2}"), {}), (put("/v1/agent/join?address=127.0.0.1:1"), {}),
         (put("/v1/agent/join?address=127.0.0.1:{serf2}", tokens=("agent-read",)), {}),
         (put("/v1/agent/schedulers/config?server_id={leader}", {"num_schedulers": 1, "enabled_schedulers": ["service"]},
              "direct", looks="none"), {})],
    ]


def run(world, gateway):
    """The pairs of every step of every sequence."""
    pairs = []
    for steps in sequences():
        answers = [made(world, at, steps) for at in (world.cluster.server, gateway)]
        for (call, _), one, two in zip(steps, *answers):
            one.body, two.body = stale(one), stale(two)
            pair = Pair(call, call.tokens[0], call.path, one, two)
            pair.aspects = aspects(pair)
            pairs.append(pair)
    return pairs


def made(world, at, steps):
    """The responses to a sequence; later calls use the values taken from earlier ones."""
    answers = []
    for call, keep in steps:
        body = call.body if call.body is None else world.named(json.dumps(call.body))
        answer = at.ask(call.method, world.named(call.path), world.tokens[call.tokens[0]], body)
        for symbol, key in keep.items():
            world.ids[symbol] = answer.json()[key] if answer.status == 200 else "nothing"
        answers.append(answer)
    return answers


def stale(answer):
    """The body without what is new each time."""
    try:
        value = answer.json()
    except ValueError:
        return answer.body
    return json.dumps(without(value)).encode()


def without(value):
    if isinstance(value, dict):
        return {key: "fresh" if key in FRESH else without(inner) for key, inner in value.items()}
    return [without(inner) for inner in value] if isinstance(value, list) else value
