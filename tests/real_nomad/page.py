"""The requests of Nomad's web page, exactly as it sends them, at a server and at the gateway."""

import base64
import threading
import time

from websocket import Refused, Websocket
from wire import frames

# Timeout after which the page gives up on a client and uses a server.
PAGE_PATIENCE = 1.0

# Requests when the page opens.
BOOT = ("/v1/agent/members", "/v1/regions", "/v1/status/leader?region=global", "/v1/agent/self", "/v1/acl/token/self",
        "/v1/namespaces", "/v1/jobs/statuses?per_page=30&namespace=*&meta=true", "/v1/nodes?resources=true&os=true",
        "/v1/agent/self?region=global", "/v1/operator/license")


def run(world, server, gateway):
    """The differences."""
    wrong = []
    for path in BOOT:
        one, two = (at.ask("GET", path, world.tokens["mgmt"]) for at in (server, gateway))
        if (one.status, one.header("Content-Type")) != (two.status, two.header("Content-Type")):
            wrong.append(f"page: {path}: {one.status} | gateway {two.status}")
    for name, look, *on_purpose in (*streams(world), *sockets(world), *refusals(world)):
        one, two = look(server), look(gateway)
        is_right = [(one, two)] == on_purpose[1:] if on_purpose else one == two
        verdict = on_purpose[0] if on_purpose and is_right else "same" if is_right else "DIFFERENT"
        print(f"page {name}: {verdict}: {str(two)[:100]}")
        if not is_right:
            wrong.append(f"page: {name}: {one} | gateway {two}")
    return wrong


def streams(world):
    logs = world.named("/v1/client/fs/logs/{ticks}?")
    token = world.tokens["mgmt"]

    def follow(query, least):
        """Whether the head came before the page's timeout, with frames that its reader can split."""
        def look(at):
            began = time.monotonic()
            first = at.ask("GET", query, token, size=1, seconds=5)
            in_time = time.monotonic() - began < PAGE_PATIENCE
            answer = at.ask("GET", query, token, seconds=2)
            found, rest = frames(answer.text)
            events = sum(1 for frame in found if frame.get("Data"))
            return first.status, in_time, answer.is_cut, events >= least, rest == "", "\n" not in answer.text
        return look

    def once(query):
        return lambda at: (lambda answer: (answer.status, len(frames(answer.text)[0]) > 0))(at.ask("GET", query, token))

    monitor = "/v1/agent/monitor?follow=true&log_level=debug&offset=50000&origin=end"
    return [
        ("follows a log", follow(logs + "follow=true&offset=50000&origin=end&task=main&type=stdout", 2)),
        ("shows a log's head", once(logs + "offset=0&origin=start&task=main&type=stdout")),
        ("shows a log's tail", once(logs + "offset=50000&origin=end&task=main&type=stdout")),
        ("follows a file", follow(world.named(
            "/v1/client/fs/stream/{ticks}?follow=true&offset=50000&origin=end&path=alloc%2Flogs%2Fmain.stdout.0"), 2)),
        # The page waits for a monitor without a timeout.
        ("follows a server's log", lambda at: follow(world.named(monitor + "&region=global&server_id={leader}"), 0)(at)[2:]),
        ("lists files", lambda at: at.ask("GET", world.named("/v1/client/fs/ls/{static}?path=main%2Flocal"), token).body),
    ]


def sockets(world):
    """Execution and a job's action. The token comes in the first message."""
    exec_at = world.named('/v1/client/allocation/{%s}/exec?task=main&tty=true&ws_handshake=true&region=global&command=%%5B%%22%%2Fbin%%2Fsh%%22%%5D')
    action = world.named("/v1/job/static/action?namespace=default&action=greet&allocID={static}&task=main&tty=true"
                         "&ws_handshake=true&region=global")
    rows = [(f"runs a shell in {name}", lambda at, name=name: shell(at, world.named(exec_at % name), world.tokens["mgmt"]))
            for name in ("static", "static2")]
    nowhere = "/v1/client/allocation/5b5f6c4e-1a7b-4f0e-9a55-0d2f8c1f7c11/exec?task=main&command=%5B%22a%22%5D"
    by_header = [f"X-Nomad-Token: {world.tokens['mgmt']}"]
    rows += [("is refused a shell where nothing is known", lambda at: refused(at, nowhere, None, by_header)),
             ("is refused a shell by what is no id", lambda at: refused(at, nowhere.replace("-4f0e-", ""), None, by_header))]
    rows.append(("runs an action", lambda at: greeted(at, action, world.tokens["mgmt"])))
    return rows


def refusals(world):
    """Refusals, and requests that are treated differently on purpose, with the line in docs/differences.md."""
    path = world.named("/v1/client/allocation/{static}/exec?task=main&tty=true&command=%5B%22%2Fbin%2Fsh%22%5D")
    denied = "a denied `exec`"
    rows = [(f"is refused a shell with token {name}",
             lambda at, name=name: refused(at, path + "&ws_handshake=true", world.tokens[name]),
             denied, (("close", 1011, "Permission denied"), ("close", 1008, "Permission denied")))
            for name in ("ns-read", "bogus", "none")]
    return [
        *rows,
        ("is refused a shell with a token in a header", lambda at: refused(at, path, None, [f"X-Nomad-Token: {world.tokens['ns-read']}"]),
         denied, (("close", 1011, "Permission denied"), ("close", 1008, "Permission denied"))),
        ("comes from another site", lambda at: refused(at, path, None, ["Origin: http://elsewhere.example"]),
         "a websocket with the `Origin` of another site", ((403, "Forbidden"), (403, "request origin not allowed"))),
        ("upgrades a call of agents", lambda at: refused(at, "/v1/agent/health", None)[0],
         "a websocket on an agent call", ("broken", 200)),
        ("follows a client's log", lambda at: whose_log(world, at), "`monitor` with `client_id`", ("server", "client")),
    ]


def whose_log(world, at):
    """A client's log has lines for the requests it serves; only this test sends it that one."""
    path = world.named("/v1/agent/monitor?follow=true&log_level=debug&offset=50000&origin=end&client_id={node1}")
    stop = threading.Event()
    client = world.cluster.at(world.cluster.port("client1"))

    def stir():
        while not stop.wait(0.1):
            client.ask("GET", "/v1/agent/health?only=here")
    asking = threading.Thread(target=stir)
    asking.start()
    answer = at.ask("GET", path, world.tokens["mgmt"], seconds=2)
    stop.set()
    asking.join()
    said = b"".join(base64.b64decode(frame.get("Data", "")) for frame in frames(answer.text)[0])
    return "client" if b"only=here" in said else "server"


def opened(at, path, token):
    one = Websocket(at, path)
    one.send({"version": 1, "auth_token": token or ""})
    one.send({"tty_size": {"width": 100, "height": 30}})
    return one


def shell(at, path, token):
    """Types a line, sends the page's heartbeat, leaves with a code."""
    one = opened(at, path, token)
    typed(one, "stty size; echo a$((40+2))b\n")
    seen, _, end = one.to_the_end(until=b"a42b")
    one.send({})
    typed(one, "exit 5\n")
    _, exited, end = one.to_the_end()
    one.close()
    return b"30 100" in seen, b"a42b" in seen, exited, end[:2]


def typed(one, text):
    one.send({"stdin": {"data": base64.b64encode(text.encode()).decode()}})


def greeted(at, path, token):
    one = opened(at, path, token)
    said, exited, end = one.to_the_end()
    one.close()
    return said.replace(b"\r\n", b"\n"), exited, end[:2]


def refused(at, path, token, headers=()):
    """How it ends: a close code with its reason, or a status with its text."""
    try:
        one = Websocket(at, path, headers)
        if "ws_handshake" in path:
            one.send({"version": 1, "auth_token": token or ""})
        _, _, end = one.to_the_end()
        one.close()
        return end
    except Refused as refusal:
        return refusal.status, refusal.text.split("\n")[0]
