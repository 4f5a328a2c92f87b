"""Calls for a server: the gateway passes them on."""

from call import ALL, FEW, SOME, Call

READ = ("mgmt", "none", "bogus", "ns-read", "other", "read")


def calls():
    return [*jobs(), *nodes_and_allocations(), *acls(), *state(), *operator(), *posts(), *odd(), *blocking()]


def jobs():
    rows = [
        Call("/v1/jobs", tokens=ALL),
        Call("/v1/jobs?namespace=*", tokens=READ),
        Call("/v1/jobs?prefix=sta&meta=true"),
        Call("/v1/jobs?per_page=1"),
        Call("/v1/jobs?per_page=bad"),
        Call("/v1/jobs?filter=Type%20%3D%3D%20%22batch%22"),
        Call("/v1/jobs?filter=%3D"),
        Call("/v1/jobs/statuses", tokens=READ),
        Call("/v1/job/nothing", tokens=READ),
        Call("/v1/job/other?namespace=other", tokens=READ),
        Call("/v1/job/static/submission?version=0"),
        Call("/v1/job/static/nothing"),
        Call("/v1/job/static/versions/nothing"),
        Call("/v1/job/static?pretty"),
        Call("/v1/job/static?region=nope"),
    ]
    for what in ("", "/allocations", "/evaluations", "/deployments", "/deployment", "/versions", "/summary", "/scale",
                 "/services", "/actions"):
        rows.append(Call(f"/v1/job/static{what}", tokens=READ))
    return rows


def nodes_and_allocations():
    return [
        Call("/v1/nodes", tokens=ALL),
        Call("/v1/nodes?resources=true&os=true"),
        Call("/v1/nodes?prefix=f"),
        Call("/v1/nodes?prefix=zz"),
        Call("/v1/node/{node1}", tokens=ALL),
        Call("/v1/node/{node3}"),
        Call("/v1/node/{unknown}", tokens=FEW),
        Call("/v1/node/not-a-node", tokens=FEW),
        Call("/v1/node/{node1}/allocations", tokens=SOME),
        Call("/v1/node/{node1}/nothing"),
        Call("/v1/node/pools", tokens=SOME),
        Call("/v1/node/pool/default", tokens=SOME),
        Call("/v1/node/pool/default/nodes"),
        Call("/v1/node/pool/default/jobs"),
        Call("/v1/node/pool/nothing", tokens=FEW),
        Call("/v1/allocations", tokens=READ),
        Call("/v1/allocations?namespace=*&resources=true&task_states=false"),
        Call("/v1/allocation/{static}", tokens=(*READ, "workload")),
        Call("/v1/allocation/{other}", tokens=READ),
        Call("/v1/allocation/{unknown}", tokens=READ),
        Call("/v1/allocation/{static}/services"),
        Call("/v1/allocation/{static}/checks", tokens=FEW),
        Call("/v1/allocation/not-an-id", tokens=FEW),
        Call("/v1/evaluations", tokens=READ),
        Call("/v1/evaluations/count", tokens=FEW),
        Call("/v1/evaluation/{static_eval}", tokens=READ),
        Call("/v1/evaluation/{static_eval}/allocations"),
        Call("/v1/evaluation/{unknown}", tokens=FEW),
        Call("/v1/deployments", tokens=READ),
        Call("/v1/deployment/{unknown}", tokens=FEW),
        Call("/v1/deployment/allocations/{unknown}"),
    ]


def acls():
    return [
        Call("/v1/acl/policies", tokens=ALL),
        Call("/v1/acl/policy/read", tokens=SOME),
        Call("/v1/acl/policy/self", tokens=(*SOME, "workload")),
        Call("/v1/acl/policy/nothing", tokens=FEW),
        Call("/v1/acl/tokens", tokens=SOME),
        Call("/v1/acl/tokens?global=true"),
        Call("/v1/acl/token/self", tokens=ALL),
        Call("/v1/acl/token/{accessor_agent_read}", tokens=SOME),
        Call("/v1/acl/roles", tokens=SOME),
        Call("/v1/acl/role/{unknown}"),
        Call("/v1/acl/auth-methods", tokens=FEW),
        Call("/v1/acl/auth-method/nothing"),
        Call("/v1/acl/binding-rules", tokens=FEW),
        Call("/v1/acl/binding-rule/{unknown}"),
        Call("/v1/acl/bootstrap", method="PUT", tokens=("none",)),
    ]


def state():
    return [
        Call("/v1/namespaces", tokens=READ),
        Call("/v1/namespace/default", tokens=READ),
        Call("/v1/namespace/nothing", tokens=FEW),
        Call("/v1/vars", tokens=READ),
        Call("/v1/var/settings", tokens=READ),
        Call("/v1/var/nothing", tokens=FEW),
        Call("/v1/var/", tokens=FEW),
        Call("/v1/volumes", tokens=FEW),
        Call("/v1/volumes?type=csi", tokens=READ),
        Call("/v1/volumes?type=host", tokens=READ),
        Call("/v1/volume/csi/nothing", tokens=FEW),
        Call("/v1/volume/host/{unknown}", tokens=FEW),
        Call("/v1/volumes/external?plugin_id=x"),
        Call("/v1/volumes/snapshot?plugin_id=x"),
        Call("/v1/volumes/claims", tokens=FEW),
        Call("/v1/plugins?type=csi", tokens=FEW),
        Call("/v1/plugin/csi/nothing", tokens=FEW),
        Call("/v1/services", tokens=READ),
        Call("/v1/service/static-web", tokens=READ),
        Call("/v1/service/nothing"),
        Call("/v1/scaling/policies", tokens=FEW),
        Call("/v1/scaling/policy/{unknown}"),
        Call("/v1/recommendations", tokens=FEW),
        Call("/v1/quotas", tokens=FEW),
        Call("/v1/sentinel/policies"),
    ]


def operator():
    rows = [
        Call("/v1/status/leader", tokens=FEW),
        Call("/v1/status/peers", tokens=FEW),
        Call("/v1/status/leader?region=nope"),
        Call("/v1/regions", tokens=FEW),
        Call("/v1/metrics", tokens=FEW, looks="head"),
        Call("/v1/metrics?format=prometheus", looks="head"),
        Call("/v1/metrics?format=bogus", looks="head"),
        Call("/v1/operator/snapshot", tokens=("none", "bogus", "operator")),
        Call("/v1/operator/upgrade-check/vault-workload-identity"),
        Call("/v1/operator/utilization", tokens=FEW),
        Call("/v1/operator/license", tokens=FEW),
        Call("/v1/system/gc", tokens=FEW),
        Call("/v1/system/gc", method="PUT", tokens=("none", "bogus", "node-write")),
        Call("/v1/system/reconcile/summaries", method="PUT", tokens=FEW),
    ]
    for what in ("raft/configuration", "autopilot/configuration", "autopilot/health", "scheduler/configuration",
                 "keyring/keys"):
        rows.append(Call(f"/v1/operator/{what}", tokens=(*FEW, "operator")))
    return rows


def posts():
    """Reads that have a body."""
    spec = 'job "x" {\n  datacenters = ["*"]\n  group "g" {\n    task "t" {\n      driver = "raw_exec"\n    }\n  }\n}\n'
    job = {"Job": {"ID": "draft", "Name": "draft", "Type": "batch", "Datacenters": ["*"], "TaskGroups": []}}
    return [
        Call("/v1/search", method="POST", body={"Prefix": "st", "Context": "jobs"}, tokens=READ),
        Call("/v1/search", method="PUT", body={"Prefix": "", "Context": "all"}),
        Call("/v1/search", method="GET", tokens=FEW),
        Call("/v1/search", method="POST", body="{"),
        Call("/v1/search/fuzzy", method="POST", body={"Text": "static", "Context": "all"}, tokens=READ),
        Call("/v1/jobs/parse", method="POST", body={"JobHCL": spec, "Canonicalize": True}, tokens=READ),
        Call("/v1/jobs/parse", method="POST", body={"JobHCL": "job {"}, tokens=FEW),
        Call("/v1/validate/job", method="POST", body=job, tokens=READ),
        Call("/v1/job/draft/plan", method="POST", body=job, tokens=READ),
        Call("/v1/jobs", method="POST", body="{", tokens=FEW),
        Call("/v1/jobs", method="POST", body={}, tokens=FEW),
        Call("/v1/jobs", method="POST", body=job, tokens=("none", "bogus", "ns-read")),
        Call("/v1/jobs/statuses", method="POST", body={"Jobs": [{"ID": "static", "Namespace": "default"}]}),
        Call("/v1/acl/token/onetime/exchange", method="POST", body={"OneTimeSecretID": "x"}),
        Call("/v1/acl/login", method="POST", body={"AuthMethodName": "nothing", "LoginToken": "x"}),
        Call("/v1/acl/oidc/auth-url", method="POST", body={"AuthMethodName": "nothing"}),
    ]


def odd():
    """Wrong methods, unknown paths, headers and pages."""
    rows = [Call(path, method="DELETE", tokens=FEW) for path in ("/v1/jobs", "/v1/nodes", "/v1/allocations", "/v1/regions",
                                                                "/v1/status/leader", "/v1/metrics", "/v1/vars")]
    rows += [Call(path, tokens=FEW) for path in ("/v1/nothing", "/v1", "/v1/", "/nothing", "/v1/jobs/", "/v1/agent")]
    rows += [
        Call("/", tokens=("none",)),
        Call("/ui/", tokens=("none",)),
        Call("/ui", tokens=("none",)),
        Call("/ui/jobs?namespace=x", tokens=("none",)),
        Call("/.well-known/jwks.json", tokens=("none", "bogus")),
        Call("/.well-known/openid-configuration", tokens=("none",)),
        Call("/debug/pprof/", tokens=("none",)),
        Call("/v1//jobs", ""),
        Call("/v1/../v1/jobs", ""),
        Call("/v1/./jobs", ""),
        Call("/v1/jobs", headers={"Accept-Encoding": "gzip"}),
        Call("/v1/jobs", headers={"Accept-Encoding": "deflate"}),
        Call("/v1/jobs", headers={"Origin": "http://elsewhere.example"}),
        Call("/v1/vars", headers={"Origin": "http://elsewhere.example"}),
        Call("/v1/var/settings", method="OPTIONS", tokens=("none",),
             headers={"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "PUT"}),
        Call("/v1/jobs", method="HEAD"),
        Call("/v1/job/static", method="OPTIONS"),
        Call("/v1/job/caf%C3%A9%2Fx"),
        Call("/v1/jobs?token=x", tokens=("none",)),
    ]
    return rows


def blocking():
    return [
        Call("/v1/jobs?index=1&wait=1s"),
        Call("/v1/jobs?index=100000000&wait=300ms"),
        Call("/v1/jobs?index=bad"),
        Call("/v1/jobs?wait=bad"),
        Call("/v1/jobs?stale=bad"),
        Call("/v1/jobs?stale"),
        Call("/v1/nodes?index=100000000&wait=300ms", tokens=("mgmt", "none")),
        Call("/v1/allocation/{static}?index=100000000&wait=300ms"),
        Call("/v1/node/{node1}?index=100000000&wait=300ms"),
        Call("/v1/event/stream?topic=Job:nothing", seconds=1, tokens=FEW),
        Call("/v1/event/stream?topic=Bogus", seconds=1),
        Call("/v1/event/stream?topic=Job:static&index=1", seconds=1, looks="head"),
        Call("/v1/event/stream?index=bad", seconds=1),
    ]
