"""Calls below /v1/client/."""

from call import ALL, FEW, SOME, Call

FILES = ("mgmt", "none", "bogus", "malformed", "expired", "logs", "fs", "ns-read", "ns-write", "other", "read", "deny",
         "workload")


def calls():
    return [*nodes(), *allocations(), *files(), *logs(), *wrong()]


def nodes():
    rows = [
        Call("/v1/client/stats?node_id={node1}", "direct", ALL, looks="shape"),
        Call("/v1/client/stats?node_id={node2}", "relay", SOME, looks="shape"),
        Call("/v1/client/stats?node_id={node3}", "", FEW),
        Call("/v1/client/stats?node_id={unknown}", "", SOME),
        Call("/v1/client/stats?node_id=not-a-node", "", FEW),
        Call("/v1/client/stats?node_id=client1", "direct", looks="shape"),
        Call("/v1/client/stats", "", SOME),
        Call("/v1/client/stats?node_id={node1}&region=nope", "", FEW),
        Call("/v1/client/stats?node_id={node1}&wait=bad", "direct", FEW, looks="head"),
        Call("/v1/client/stats/", tokens=FEW),
        Call("/v1/client/metadata?node_id={node1}", "direct", ALL),
        Call("/v1/client/metadata?node_id={node2}", "relay", SOME),
        Call("/v1/client/metadata?node_id={node3}", "", FEW),
        Call("/v1/client/metadata?node_id={unknown}", "", SOME),
        Call("/v1/client/metadata", "", SOME),
        Call("/v1/client/identity?node_id={node1}", "direct", SOME, looks="shape"),
        Call("/v1/client/identity?node_id={node2}", "relay", FEW, looks="shape"),
        Call("/v1/client/identity?node_id={unknown}", "", FEW),
        Call("/v1/client/gc?node_id={unknown}", "", SOME),
        Call("/v1/client/gc?node_id={node2}", "relay", ("node-write", "node-read", "none", "bogus")),
        Call("/v1/client/gc", "", FEW),
    ]
    return rows


def allocations():
    at = "/v1/client/allocation"
    rows = [
        Call(f"{at}/{{static}}/stats", "direct", FILES, looks="shape"),
        Call(f"{at}/{{static2}}/stats", "relay", SOME, looks="shape"),
        Call(f"{at}/{{static}}/stats?task=nope", "direct"),
        Call(f"{at}/{{done}}/stats", "direct", looks="shape"),
        Call(f"{at}/{{ghost}}/stats", "", FEW),
        Call(f"{at}/{{other}}/stats", "direct", ("mgmt", "other", "ns-read", "none"), looks="shape"),
        Call(f"{at}/{{other}}/stats?namespace=other", "direct", ("other", "ns-write"), looks="shape"),
        Call(f"{at}/{{unknown}}/stats", "", SOME),
        Call(f"{at}/not-an-id/stats", "", FEW),
        Call(f"{at}/a/stats", ""),
        Call(f"{at}/{{static}}/stats?region=nope", "", FEW),
        Call(f"{at}/{{static}}/checks", "direct", FILES),
        Call(f"{at}/{{static2}}/checks", "relay"),
        Call(f"{at}/{{static}}/pause?task=main", "direct", FEW),
        Call(f"{at}/{{static}}", tokens=FEW),
        Call(f"{at}/{{static}}/nothing", tokens=FEW),
        Call(f"{at}/", tokens=FEW),
        Call(f"{at}/{{static}}/snapshot", "direct", FEW),
        Call(f"{at}/{{static}}/gc", "direct", ("mgmt", "none", "ns-read", "ns-write")),
        Call(f"{at}/{{unknown}}/gc", "", SOME),
        Call(f"{at}/{{static}}/restart", "direct", ("none", "logs", "ns-read", "bogus"), method="PUT"),
        Call(f"{at}/{{static}}/restart", "direct", method="PUT", body={"TaskName": "nope"}),
        Call(f"{at}/{{static}}/restart", "direct", method="PUT", body={"TaskName": "main", "AllTasks": True}),
        Call(f"{at}/{{static}}/signal", "direct", ("mgmt", "none", "ns-read"), "GET"),
        Call(f"{at}/{{static}}/signal", "direct", FEW, "PUT"),
        Call(f"{at}/{{static}}/signal", "direct", ("mgmt", "ns-write", "none"), "PUT", {"Signal": "SIGUSR1", "Task": "main"}),
        Call(f"{at}/{{static2}}/signal", "relay", ("mgmt", "ns-read"), "PUT", {"Signal": "SIGUSR1", "Task": "main"}),
        Call(f"{at}/{{static}}/signal", "direct", ("mgmt",), "PUT", {"Signal": "SIGUSR1", "Task": "nope"}),
        Call(f"{at}/{{static}}/signal", "direct", ("mgmt",), "PUT", {"Signal": "NOTHING", "Task": "main"}),
    ]
    return rows


def files():
    local = "main/local"
    rows = []
    for verb in ("ls", "stat", "cat", "readat", "stream"):
        more = {"readat": "&offset=2&limit=5", "stream": "&follow=false"}.get(verb, "")
        path = local if verb == "ls" else f"{local}/hello.txt"
        rows += [
            Call(f"/v1/client/fs/{verb}/{{static}}?path={path}{more}", "direct", FILES),
            Call(f"/v1/client/fs/{verb}/{{static2}}?path={path}{more}", "relay", ("mgmt", "fs", "ns-read")),
            Call(f"/v1/client/fs/{verb}/{{static}}?path=nowhere{more}", "direct", ("mgmt", "fs", "none")),
            Call(f"/v1/client/fs/{verb}/{{static}}?path=../../..{more}", "direct"),
            Call(f"/v1/client/fs/{verb}/{{static}}?path={local}/outside{more}", "direct"),
            Call(f"/v1/client/fs/{verb}/{{static}}?path=main/secrets/x{more}", "direct"),
            Call(f"/v1/client/fs/{verb}/{{static}}", "direct", FEW),
            Call(f"/v1/client/fs/{verb}/{{unknown}}?path={path}{more}", "", ("mgmt", "none", "bogus", "ns-read")),
            Call(f"/v1/client/fs/{verb}/{{ghost}}?path={path}{more}", "relay"),
            Call(f"/v1/client/fs/{verb}/", "", FEW),
            Call(f"/v1/client/fs/{verb}/{{static}}?path={path}{more}&region=nope", ""),
        ]
    for name in ("page.html", "data.json", "empty", "big", "sp%20ace.txt", "sub/deep/nested.txt", "link.txt", "sub"):
        rows.append(Call(f"/v1/client/fs/cat/{{static}}?path={local}/{name}", "direct"))
        rows.append(Call(f"/v1/client/fs/stat/{{static}}?path={local}/{name}", "direct"))
    for more in ("", "&offset=bad", "&offset=3&limit=bad", "&offset=100000000", "&offset=-1", "&offset=7&limit=70000"):
        rows.append(Call(f"/v1/client/fs/readat/{{static}}?path={local}/lines.txt{more}", "direct"))
    for more in ("&origin=end&offset=20", "&origin=middle", "&offset=bad", "&follow=bad", "&offset=129990"):
        rows.append(Call(f"/v1/client/fs/stream/{{static}}?path={local}/lines.txt&follow=false{more}", "direct"))
    rows.append(Call("/v1/client/fs/ls/{static}?path=/&pretty", "direct"))
    rows.append(Call(f"/v1/client/fs/stream/{{static}}?path={local}/hello.txt", "direct", seconds=1.5))
    rows.append(Call(f"/v1/client/fs/cat/{{static}}?path={local}/lines.txt", "direct", headers={"Accept-Encoding": "gzip"}))
    return rows


def logs():
    at = "/v1/client/fs/logs/{static}?task=main&type=stdout"
    rows = [
        Call(at, "direct", FILES),
        Call(f"{at}&plain=true", "direct", FILES),
        Call(at.replace("{static}", "{static2}"), "relay", ("mgmt", "logs", "ns-read", "none")),
        Call(f"{at}&plain=true&origin=end&offset=20", "direct"),
        Call(f"{at}&plain=true&origin=start&offset=20", "direct"),
        Call(at.replace("{static}", "{done}") + "&plain=true", "direct"),
        Call(at.replace("{static}", "{other}") + "&plain=true", "direct", ("mgmt", "other", "logs")),
        Call(at.replace("{static}", "{unknown}"), "", SOME),
        Call(at.replace("{static}", "{ghost}"), ""),
        Call(at.replace("{static}", "not-an-id"), "", FEW),
        Call("/v1/client/fs/logs/{static}?type=stdout", "direct", FEW),
        Call("/v1/client/fs/logs/{static}?task=nope&type=stdout", "direct"),
        Call("/v1/client/fs/logs/{static}?task=main", "direct"),
        Call("/v1/client/fs/logs/{static}?task=main&type=other", "direct"),
        Call("/v1/client/fs/logs/?task=main&type=stdout", "", FEW),
        Call(f"{at}&follow=true", "direct", seconds=1.5),
        Call(f"{at}&follow=true", "direct", ("ns-read", "none"), seconds=1.5),
        Call(f"{at}&region=nope", ""),
        Call(f"{at}&plain=true", "direct", headers={"Accept-Encoding": "gzip"}),
    ]
    rows += [Call(at + more, "direct") for more in ("&follow=bad", "&plain=bad", "&offset=bad", "&origin=middle")]
    return rows


def wrong():
    cross = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "GET"}
    return [
        Call("/v1/client/metadata?node_id={node1}", "direct", FEW, "PUT"),
        Call("/v1/client/metadata?node_id={node1}", "direct", ("mgmt", "node-read"), "POST"),
        Call("/v1/client/metadata?node_id={node1}", "direct", ("mgmt", "node-write"), "POST", "{"),
        Call("/v1/client/metadata?node_id={node1}", "direct", ("mgmt",), "POST", {"Meta": {"": "x"}}),
        Call("/v1/client/identity?node_id={node1}", "direct", FEW, "PUT"),
        Call("/v1/client/identity/renew?node_id={node1}", "direct", ("mgmt", "none", "node-read"), "GET"),
        Call("/v1/client/identity/renew?node_id={node1}", "direct", ("mgmt", "none", "node-read"), "PUT"),
        Call("/v1/client/fs/nothing/{static}", tokens=FEW),
        Call("/v1/client/fs/", tokens=FEW),
        Call("/v1/client/fs", "", FEW),
        Call("/v1/client/fs/ls", tokens=FEW),
        Call("/v1/client//stats", "", FEW),
        Call("/v1/client/nothing", tokens=FEW),
        Call("/v1/client/stats?node_id={node1}", "pass", ("none", "mgmt"), "OPTIONS", headers=cross),
        Call("/v1/client/fs/ls/{static}", "pass", ("none", "mgmt"), "OPTIONS", headers=cross),
        Call("/v1/client/metadata", "pass", ("none",), "OPTIONS", headers=cross),
        Call("/v1/client/stats?node_id={node1}", "direct", headers={"Origin": "http://elsewhere.example"}, looks="shape"),
        Call("/v1/client/fs/cat/{static}?path=main/local/hello.txt", "direct", method="HEAD"),
        Call("/v1/client/stats?node_id={node1}", "direct", method="POST", looks="shape"),
    ]
