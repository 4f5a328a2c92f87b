"""A node that is named in the body, or by its name, is found by its full id, also when its address cannot be used."""


def run(stage, checks):
    token = stage.token("mgmt")
    dev = stage.named

    def meta(node, value, query=""):
        body = {"NodeID": node, "Meta": {"named": value}} if not query else {"Meta": {"named": value}}
        return stage.gateway.ask("POST", f"/v1/client/metadata{query}", token, body)

    def is_set(node):
        answer = stage.cluster.server.ask("GET", f"/v1/client/metadata?node_id={dev(node)}", token)
        return (answer.json().get("Meta") or {}).get("named")

    for which, way in (("node1", "direct"), ("node2", "relay")):
        id = stage.world.ids[which]
        answer = meta(id, "by id")
        checks.equal(f"metadata of {which} named in the body", (answer.status, is_set(f"{{{which}}}")), (200, "by id"))
        checks.that(f"the way to {which} named in the body", answer.way == way, answer.way)
        name = "client" + which[-1]
        answer = meta(name, "by name", f"?node_id={name}")
        checks.equal(f"metadata of {name} by name", (answer.status, is_set(f"{{{which}}}")), (200, "by name"))
        answer = stage.gateway.ask("PUT", "/v1/client/identity/renew", token, {"NodeID": id})
        checks.equal(f"identity/renew of {which} named in the body", (answer.status, answer.way), (200, way))
        for path in ("/v1/client/stats", "/v1/agent/host"):
            answer = stage.gateway.ask("GET", f"{path}?node_id={name}", token)
            checks.equal(f"{path} of {name} by name", answer.status, 200)
    for method, path, text in (("POST", "/v1/client/metadata", "No local Node and node_id not provided"),
                               ("PUT", "/v1/client/identity/renew", "no local Node and node_id not provided")):
        answers = [at.ask(method, path, token, {"Meta": {"named": "nobody"}}) for at in (stage.cluster.server, stage.gateway)]
        checks.equal(f"{path} that names no node", [(it.status, it.text) for it in answers], [(400, text)] * 2)
    one, two = (at.ask("POST", "/v1/client/metadata", token, {"NodeID": stage.world.ids["unknown"], "Meta": {}})
                for at in (stage.cluster.server, stage.gateway))
    checks.equal("metadata of an unknown node named in the body", (two.status, two.text), (one.status, one.text))
