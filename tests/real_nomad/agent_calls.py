"""Calls below /v1/agent/."""

from call import ALL, FEW, SOME, Call


def calls():
    return [*plain(), *hosts(), *profiles(), *wrong(), *monitors()]


def plain():
    """A call that names no agent goes to a server, as without the gateway."""
    return [
        Call("/v1/agent/members", tokens=ALL),
        Call("/v1/agent/members?pretty", tokens=FEW),
        Call("/v1/agent/members?stale&region=global"),
        Call("/v1/agent/members?region=nope", tokens=FEW),
        Call("/v1/agent/members?wait=bad", tokens=FEW),
        Call("/v1/agent/members?index=bad"),
        Call("/v1/agent/members/", tokens=FEW),
        Call("/v1/agent/self", tokens=ALL, looks="shape"),
        Call("/v1/agent/self?pretty", looks="shape"),
        Call("/v1/agent/self?server_id=server2", "direct", SOME, looks="shape"),
        Call("/v1/agent/self?server_id={leader}", "direct", looks="shape"),
        Call("/v1/agent/self?node_id={node1}", "direct", SOME, looks="shape"),
        Call("/v1/agent/self?node_id={node2}", "", looks="shape"),
        Call("/v1/agent/health", tokens=FEW),
        Call("/v1/agent/health?type=server", tokens=FEW),
        Call("/v1/agent/health?type=client"),
        Call("/v1/agent/health?type=bogus"),
        Call("/v1/agent/health?node_id={node1}", "direct"),
        Call("/v1/agent/servers", tokens=SOME),
        Call("/v1/agent/servers?node_id={node1}", "direct", FEW),
        Call("/v1/agent/schedulers", tokens=SOME, looks="shape"),
        Call("/v1/agent/schedulers/config", tokens=SOME, looks="shape"),
        Call("/v1/agent/keyring/list", tokens=SOME),
        Call("/v1/agent/keyring/bogus", tokens=FEW),
    ]


def hosts():
    return [
        Call("/v1/agent/host", tokens=ALL),
        Call("/v1/agent/host?node_id={node1}", "direct", ALL),
        Call("/v1/agent/host?node_id={node2}", "relay", SOME),
        Call("/v1/agent/host?node_id={node3}", "", FEW),
        Call("/v1/agent/host?node_id={unknown}", "", SOME),
        Call("/v1/agent/host?node_id=not-a-node", "", FEW),
        Call("/v1/agent/host?node_id=client1", "direct"),
        Call("/v1/agent/host?server_id=leader", "direct", SOME),
        Call("/v1/agent/host?server_id={leader}", "direct"),
        Call("/v1/agent/host?server_id={follower}", "direct", ("mgmt", "agent-read")),
        Call("/v1/agent/host?server_id={server_uuid}", "direct"),
        Call("/v1/agent/host?server_id=server2", "direct"),
        Call("/v1/agent/host?server_id=nope", "", SOME),
        Call("/v1/agent/host?server_id=nope.global", ""),
        Call("/v1/agent/host?node_id={node1}&server_id={leader}", "", FEW),
        Call("/v1/agent/host?node_id={node1}&region=nope", "", FEW),
        Call("/v1/agent/host?server_id={leader}&region=nope", "", FEW),
        Call("/v1/agent/host?node_id=&server_id="),
        Call("/v1/agent/host?node_id={node1}&pretty", "direct"),
        Call("/v1/agent/host?node_id={node1}&node_id={node2}", ""),
    ]


def profiles():
    rows = [
        Call("/v1/agent/pprof/cmdline", tokens=SOME, looks="none"),
        Call("/v1/agent/pprof/cmdline?node_id={node1}", "direct", ALL),
        Call("/v1/agent/pprof/cmdline?node_id={node2}", "relay", SOME),
        Call("/v1/agent/pprof/cmdline?server_id={follower}", "direct", ("mgmt", "agent-write")),
        Call("/v1/agent/pprof/cmdline?node_id={unknown}", "", FEW),
        Call("/v1/agent/pprof/cmdline?server_id=nope", "", FEW),
        Call("/v1/agent/pprof/cmdline?node_id={node1}&server_id=leader", ""),
        Call("/v1/agent/pprof/bogus", tokens=FEW),
        Call("/v1/agent/pprof/bogus?node_id={node1}", "direct"),
        Call("/v1/agent/pprof/profile?seconds=bad", looks="none"),
        Call("/v1/agent/pprof/profile?seconds=1&node_id={node1}", "direct", looks="none"),
        Call("/v1/agent/pprof/trace?seconds=1&server_id={leader}", "direct", looks="none"),
        Call("/v1/agent/pprof/goroutine?debug=bogus", looks="none"),
        Call("/v1/agent/pprof", "", FEW),
        Call("/v1/agent/pprof/", tokens=FEW, looks="none"),
    ]
    for kind in ("goroutine", "heap", "allocs", "threadcreate", "block", "mutex"):
        rows.append(Call(f"/v1/agent/pprof/{kind}?debug=1&node_id={{node1}}", "direct", looks="none"))
        rows.append(Call(f"/v1/agent/pprof/{kind}?server_id={{leader}}", "direct", looks="none"))
    return rows


def wrong():
    """Wrong methods, and writes without an effect."""
    return [
        *(Call(f"/v1/agent/{path}", method=method, tokens=FEW) for path, method in (
            ("self", "POST"), ("members", "POST"), ("servers", "DELETE"), ("join", "GET"), ("force-leave", "GET"),
            ("health", "POST"), ("host", "POST"), ("schedulers", "PUT"), ("keyring/list", "POST"), ("reload", "GET"))),
        Call("/v1/agent/join", method="PUT", tokens=("mgmt", "agent-write", "agent-read", "bogus", "none")),
        Call("/v1/agent/force-leave", method="PUT", tokens=SOME),
        Call("/v1/agent/force-leave?node=nope", method="PUT", tokens=SOME),
        Call("/v1/agent/keyring/install", method="PUT", tokens=SOME),
        Call("/v1/agent/keyring/use", method="PUT", body='{"Key":"x"}'),
        Call("/v1/agent/schedulers/config", method="PUT", body="{", tokens=SOME),
        Call("/v1/agent/nothing", tokens=FEW),
        Call("/v1/agent/", tokens=FEW),
    ]


def monitors():
    log = "/v1/agent/monitor?log_level=error"
    rows = [
        Call(log, tokens=SOME, seconds=1.2),
        Call(f"{log}&plain=true", seconds=1.2),
        Call(f"{log}&plain=true&node_id={{node1}}", "direct", seconds=1.5),
        Call(f"{log}&node_id={{node1}}", "direct", ALL, seconds=1.2),
        Call(f"{log}&node_id={{node2}}", "relay", ("mgmt", "agent-read", "node-read"), seconds=3),
        Call(f"{log}&server_id=leader", "direct", SOME, seconds=1.2),
        Call(f"{log}&server_id={{follower}}", "direct", seconds=1.2),
        Call(f"{log}&node_id={{node3}}", "", FEW, seconds=2),
        Call(f"{log}&node_id={{unknown}}", "", SOME, seconds=2),
        Call(f"{log}&node_id=not-a-node", "", seconds=2),
        Call(f"{log}&server_id=nope", "", FEW, seconds=2),
        Call(f"{log}&node_id={{node1}}&server_id=leader", "", FEW, seconds=2),
        Call(f"{log}&server_id={{leader}}&region=nope", "", seconds=2),
        Call(f"{log}&client_id={{node1}}", "direct", seconds=1.2),
        Call("/v1/agent/monitor?log_level=bogus", tokens=FEW, seconds=1.2),
        Call("/v1/agent/monitor?log_json=bogus", tokens=FEW, seconds=1.2),
        Call("/v1/agent/monitor?plain=bogus", seconds=1.2),
        Call("/v1/agent/monitor?log_level=bogus&node_id={node1}", "direct", seconds=1.2),
    ]
    export = "/v1/agent/monitor/export"
    rows += [
        Call(f"{export}?on_disk=true", tokens=SOME, seconds=8, looks="none"),
        Call(f"{export}?on_disk=true&node_id={{node1}}", "direct", SOME, seconds=8, looks="none"),
        Call(f"{export}?on_disk=true&server_id={{another}}", "direct", ("mgmt",), seconds=8, looks="none"),
        Call(f"{export}", tokens=FEW, seconds=2),
        Call(f"{export}?service_name=nomad&on_disk=true", tokens=FEW, seconds=2),
        Call(f"{export}?logs_since=bad&on_disk=true", seconds=2),
        Call(f"{export}?on_disk=bogus", seconds=2),
    ]
    return rows
