"""A token works from the first call after it was created, whichever server looks it up."""

TRIES = 20


def run(stage, checks):
    for name, has_new_policy in (("an old policy", False), ("a policy made with it", True)):
        came = [first_call(stage, number, has_new_policy) for number in range(TRIES)]
        checks.equal(f"first calls with a new token of {name}", came, [200] * TRIES)
    checks.equal("a token that nobody made", stage.gateway.ask("GET", "/v1/agent/self", stage.token("bogus")).status, 403)


def first_call(stage, number, has_new_policy):
    """Created at the leader, used at once."""
    name, leader = "agent-read", stage.world.ids["leader"].split(".")[0]
    leader = stage.cluster.at(stage.cluster.port(leader))
    if has_new_policy:
        name = f"fresh-{number}"
        policy = {"Name": name, "Rules": 'agent { policy = "read" }'}
        made = leader.ask("PUT", f"/v1/acl/policy/{name}", stage.token("mgmt"), policy)
        assert made.status == 200, made.text
    made = leader.ask("PUT", "/v1/acl/token", stage.token("mgmt"), {"Name": name, "Type": "client", "Policies": [name]})
    answer = stage.gateway.ask("GET", stage.named("/v1/agent/self?server_id={leader}"), made.json()["SecretID"])
    return answer.status
