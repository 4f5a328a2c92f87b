"""The commands that read, and those that change something and end by themselves."""

from cli import Printed, anew, back_again, exact, figures, keys, on_purpose, same, series

SPEC = """job "drafted" {
  type = "batch"
  meta {
    what = "ever"
  }
  group "g" {
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
"""


def reading():
    return [
        same("server", "members"), same("server", "members", "-detailed"), same("server", "members", "-json"),
        same("node", "status"), same("node", "status", "-allocs"), figures("node", "status", "-stats", "{node1}"),
        figures("node", "status", "{node2}"), on_purpose("`GET /v1/node/:id` and events about nodes", figures("node", "status", "-verbose", "{node3}")),
        same("node", "status", "-t", "{{.Name}} {{.Status}}", "{node1}"), same("node", "status", "ffffffff"),
        same("node", "meta", "read", "-node-id", "{node1}"), same("node", "meta", "read", "-json", "-node-id", "{node2}"),
        on_purpose("`GET /v1/agent/servers` with no target", same("node", "config", "-servers")), same("node", "pool", "list"), same("node", "pool", "info", "default"),
        same("node", "pool", "nodes", "default"), same("node", "identity", "get", "-t", "{{.sub}}", "{node1}"),
        same("alloc", "status", "{static}"), figures("alloc", "status", "-stats", "{static}"),
        figures("alloc", "status", "-stats", "{static2}"), same("alloc", "status", "-json", "{done}"),
        same("alloc", "status", "ffffffff"), same("alloc", "checks", "{static}"),
        exact("alloc", "logs", "{static}"), exact("alloc", "logs", "-stderr", "{static2}"),
        exact("alloc", "logs", "-tail", "-n", "5", "{static}"), exact("alloc", "logs", "-tail", "-c", "30", "{static2}"),
        same("alloc", "logs", "-task", "nope", "{static}"), same("alloc", "logs", "-job", "done"),
        same("alloc", "fs", "{static}", "main/local"), same("alloc", "fs", "{static2}", "alloc/logs"),
        same("alloc", "fs", "-stat", "{static}", "main/local/page.html"),
        exact("alloc", "fs", "{static}", "main/local/lines.txt"), exact("alloc", "fs", "{static2}", "main/local/big"),
        exact("alloc", "fs", "-tail", "-n", "3", "{static}", "main/local/lines.txt"),
        exact("alloc", "fs", "-tail", "-c", "20", "{static2}", "main/local/lines.txt"),
        same("alloc", "fs", "{static}", "nowhere"), same("alloc", "fs", "{static}", "main/secrets/nomad_nomad_api.jwt"),
        same("job", "status"), same("job", "status", "static"), same("job", "status", "nothing"),
        same("job", "inspect", "static"), same("job", "history", "static"), same("job", "allocs", "static2"),
        same("job", "deployments", "static"), same("job", "action", "-job", "static"),
        same("status", "static"), same("eval", "list"), same("eval", "status", "{static_eval}"), same("deployment", "list"),
        same("service", "list"), same("service", "info", "static-web"), same("namespace", "list"),
        same("namespace", "status", "other"), same("var", "list"), same("var", "get", "settings"),
        same("acl", "token", "self"), same("acl", "token", "list"), same("acl", "policy", "list"),
        same("acl", "policy", "info", "read"), same("acl", "role", "list"),
        same("operator", "raft", "list-peers"), same("operator", "autopilot", "get-config"),
        figures("operator", "autopilot", "health"), same("operator", "scheduler", "get-config"),
        same("operator", "root", "keyring", "list"), same("operator", "gossip", "keyring", "list"),
        same("operator", "api", "/v1/agent/health"), same("operator", "api", "/v1/jobs?prefix=static"),
        same("operator", "api", "/v1/client/fs/cat/{static}?path=main/local/hello.txt"),
        same("operator", "api", "/v1/nothing"), keys("operator", "metrics"), keys("agent-info"),
        same("volume", "status"), same("plugin", "status"), same("scaling", "policy", "list"), same("quota", "list"),
        same("ui", "-show-url"), same("ui", "-show-url", "static"), same("setup", "-h"), same("license", "get"),
    ]


def rights():
    """The errors for a client that is not authorized."""
    def denied(name, *words):
        def run(side):
            kept, side.env["NOMAD_TOKEN"] = side.env["NOMAD_TOKEN"], side.world.tokens[name] or ""
            try:
                return same(*words)[1](side)
            finally:
                side.env["NOMAD_TOKEN"] = kept
        return f"{' '.join(words)}  (token {name})", run

    return [
        denied("none", "server", "members"), denied("bogus", "node", "status"), denied("ns-read", "job", "status", "static"),
        denied("ns-read", "alloc", "fs", "{static}", "/"), denied("logs", "alloc", "logs", "-tail", "-n", "2", "{static}"),
        denied("ns-read", "alloc", "exec", "-task", "main", "{static}", "/bin/true"),
        on_purpose("a denied file stream or log", denied("ns-read", "alloc", "logs", "{static}")), denied("none", "agent-info"), denied("node-read", "node", "meta", "read", "-node-id", "{node1}"),
        denied("ns-read", "monitor", "-node-id", "{node1}"), denied("expired", "job", "status"),
    ]


def changing():
    """In an order in which each finds what it needs, and leaves the state unchanged."""
    return [
        series(("job validate", lambda side: written(side, "validate")), ("job plan", lambda side: written(side, "plan")),
               ("job run", lambda side: written(side, "run")), anew("job", "stop", "-purge", "-detach", "drafted")),
        anew("job", "dispatch", "-detach", "-meta", "what=ever", "param"), anew("job", "dispatch", "nothing"),
        anew("job", "eval", "-detach", "static"), anew("job", "action", "-job", "static", "-group", "g", "-task", "main", "greet"),
        series(anew("var", "put", "made", "a=b"), anew("var", "get", "-item", "a", "made"), anew("var", "purge", "made")),
        series(anew("namespace", "apply", "-description", "d", "made"), anew("namespace", "delete", "made")),
        anew("acl", "token", "create", "-name", "made", "-type", "management"),
        *(series(anew("node", "meta", "apply", "-node-id", node, "made=here"), same("node", "meta", "read", "-node-id", node),
                 anew("node", "meta", "apply", "-node-id", node, "-unset", "made")) for node in ("{node1}", "{node2}")),
        series(anew("node", "eligibility", "-disable", "{node1}"), anew("node", "eligibility", "-enable", "{node1}")),
        anew("node", "identity", "renew", "{node1}"),
        anew("alloc", "signal", "-s", "SIGUSR1", "{static}", "main"), anew("alloc", "signal", "-s", "NOTHING", "{static2}"),
        anew("system", "reconcile", "summaries"),
        series(anew("operator", "snapshot", "save", "saved.snap"), figures("operator", "snapshot", "inspect", "saved.snap")),
        anew("operator", "autopilot", "set-config", "-max-trailing-logs=250"),
        anew("operator", "scheduler", "set-config", "-scheduler-algorithm=binpack"),
        anew("server", "join", "127.0.0.1:{serf2}"), anew("server", "force-leave", "nobody.global"),
    ]


def moving():
    """Commands that restart or move tasks: each waits until everything runs again."""
    def settled(row):
        name, run = row

        def both(side):
            came = run(side)
            # A restarted task is reported as running a moment later.
            while "Task not running" in came.tail:
                came = run(side)
            back_again(side.world)
            return came
        return name, both

    return [settled(row) for row in (
        anew("alloc", "restart", "-task", "main", "{ticks}"), anew("alloc", "restart", "{ticks2}"),
        anew("alloc", "stop", "-detach", "{ticks}"), anew("job", "restart", "-yes", "-all-tasks", "ticks"),
        ("node drain -enable; node drain -disable", drained),
        # Last: it removes the node that is down, and what has ended.
        anew("system", "gc"),
    )]


def drained(side):
    one = anew("node", "drain", "-enable", "-deadline", "1s", "-yes", "{node2}")[1](side)
    two = anew("node", "drain", "-disable", "-yes", "{node2}")[1](side)
    # A drain reports in the order in which things ended.
    return Printed(f"{one.code},{two.code}", str(("All allocations on node" in one.tail, two.text)), one.tail)


def written(side, verb):
    """The job's source is read from a file."""
    path = f"{side.folder}/drafted.nomad.hcl"
    with open(path, "w") as file:
        file.write(SPEC)
    more = {"run": ["-detach"], "plan": ["-no-color"]}.get(verb, [])
    return anew("job", verb, *more, "drafted.nomad.hcl")[1](side)


