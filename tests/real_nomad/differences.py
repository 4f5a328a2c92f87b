"""Which intended difference explains how two responses differ.

Each has the beginning of its line in docs/differences.md; a line that is gone there, or never occurs here, is reported.
"""

import re
from dataclasses import dataclass
from typing import Callable

DOCUMENT = "docs/differences.md"
CONTENT = frozenset({"status", "body", "Content-Type", "end", "Content-Encoding", "way", "X-Nomad-KnownLeader",
                     "X-Nomad-Index", "X-Nomad-LastContact", "Content-Security-Policy", "X-Content-Type-Options",
                     "X-Xss-Protection", "Cache-Control"})


@dataclass(frozen=True)
class Difference:
    """`line`: how its line begins, without the first bar. `holds`: for which pairs. `explains`: which aspects."""

    line: str
    holds: Callable
    explains: frozenset = CONTENT


def statuses(pair):
    return pair.server.status, pair.gateway.status


def has_target(pair):
    return re.search(r"[?&](node_id|server_id)=[^&]", pair.path) is not None


def is_monitor(pair):
    return pair.path.startswith("/v1/agent/monitor")


def is_own(pair):
    """A response that the gateway made itself."""
    return pair.gateway.way == ""


def is_refusal(pair):
    return is_own(pair) and pair.gateway.status == 403 and pair.gateway.text in ("Permission denied", "ACL token expired")


def is_content(pair):
    return re.match(r"/v1/client/fs/(cat|readat)/", pair.path) is not None


def is_stream_of_files(pair):
    return is_content(pair) or re.match(r"/v1/client/fs/(logs|stream)/", pair.path) is not None


def looks_elsewhere(pair):
    """A call that a Nomad agent handles itself, whatever agent is named."""
    is_agents = pair.path.startswith("/v1/agent/") and not re.match(r"/v1/agent/(host|monitor|pprof)", pair.path)
    return is_agents and has_target(pair) and pair.gateway.way == "direct" and pair.gateway.status == 200


def is_same_sentence(pair):
    """Denied by both, with the status of a stream's error at the server."""
    return "ermission denied" in pair.server.text and pair.server.status in (200, 500)


def is_silent(pair):
    """The server sent nothing, not even a head; the gateway sent only a head."""
    return pair.server.status == 0 and pair.gateway.status == 200 and not pair.gateway.body


def complains_first(pair):
    """The server found another error first."""
    is_other = pair.server.status in (400, 404, 405, 501) or "No path to region" in pair.server.text
    of_content = is_content(pair) and pair.server.status == 200 and pair.server.text.startswith("must provide")
    return is_refusal(pair) and pair.token != "mgmt" and (is_other or of_content)


GATEWAY = [
    Difference("any agent call with `node_id` or `server_id`", looks_elsewhere),
    Difference("`server_id` with a bare name", lambda pair: "server_id=server" in pair.path
               and statuses(pair) == (500, 200) and pair.server.text.startswith("unknown Nomad server")),
    Difference("`node_id` with a node's name", lambda pair: "node_id=client" in pair.path
               and statuses(pair) == (500, 200) and "UUID must be 36 characters" in pair.server.text),
    Difference("`GET /v1/agent/servers` with no target", lambda pair: pair.path == "/v1/agent/servers"
               and statuses(pair) == (501, 200)),
    Difference("`reload`, `PUT` of `schedulers/config`, with no target", lambda pair: pair.path == "/v1/agent/schedulers/config"
               and statuses(pair) == (400, 400) and "name it with server_id" in pair.gateway.text),
    Difference("`monitor` of an unknown node", lambda pair: is_monitor(pair) and statuses(pair) == (500, 404)
               and pair.server.text == f"RPC Error:: 404,{pair.gateway.text}" and "Unknown node" in pair.gateway.text),
    Difference("`monitor` of a node without a connection", lambda pair: is_monitor(pair)
               and statuses(pair) == (500, 404) and pair.gateway.text == "No path to node"),
    Difference("`monitor` of what is no id", lambda pair: is_monitor(pair) and statuses(pair) == (500, 500)
               and pair.server.text == f"RPC Error:: 500,{pair.gateway.text}"),
    Difference("`node_id`, `server_id`, `region` or `X-Nomad-Token` more than once, with different values",
               lambda pair: pair.path.count("node_id=") > 1 and statuses(pair) == (200, 400)),
    Difference("a denied file stream or log",
               lambda pair: is_stream_of_files(pair) and is_refusal(pair) and is_same_sentence(pair)),
    Difference("`cat` and `readat` of what the gateway knows is not there", lambda pair: is_content(pair) and is_own(pair)
               and pair.server.status == 200 and pair.gateway.status in (400, 404, 500)
               and pair.server.text == pair.gateway.text),
    Difference("a denied `monitor` with an unknown token", lambda pair: is_monitor(pair) and is_refusal(pair)
               and pair.server.status == 200 and not pair.server.body),
    Difference("`GET /v1/allocation/:id` without the right", lambda pair: pair.path.startswith("/v1/allocation/")
               and statuses(pair) == (500, 404) and "Unknown allocation" in pair.server.text),
    Difference("`/v1/metrics` with ACLs", lambda pair: pair.path.startswith("/v1/metrics") and is_refusal(pair)),
    Difference("`/v1/agent/join` with ACLs", lambda pair: pair.path.startswith("/v1/agent/join") and is_refusal(pair)),
    Difference("a denied `/v1/event/stream`", lambda pair: pair.path.startswith("/v1/event/stream") and is_refusal(pair)
               and pair.server.status == 200),
    Difference("a followed log, file or `monitor` that is silent", lambda pair: pair.call.seconds and is_silent(pair),
               # Without a head there is no `Vary` either.
               CONTENT | {"Vary"}),
    Difference("`snapshot` of an allocation", lambda pair: pair.path.endswith("/snapshot") and pair.gateway.way == "direct"
               and statuses(pair) == (400, 403)),
    Difference("`/debug/", lambda pair: pair.path.startswith("/debug/") and is_own(pair) and statuses(pair) == (404, 404)),
    Difference("a call without the right that is wrong in another way", complains_first),
    Difference("an expired token", lambda pair: pair.token == "expired" and pair.gateway.text == "ACL token expired"
               and is_refusal(pair)),
    Difference("a malformed token", lambda pair: pair.token == "malformed" and is_refusal(pair)
               and pair.server.status == 500 and "invalid workload identity" in pair.server.text),
    Difference("`monitor/export` with the `server_id` of another server", lambda pair: pair.server.is_cut
               and "export" in pair.path and "server_id" in pair.path and statuses(pair) == (200, 200)),
    Difference("a call that only the named agent answers", lambda pair: statuses(pair) == (200, 404) and is_own(pair)
               and pair.gateway.text == "No path to node" and "/agent/self?node_id" in pair.path),
]

# Lines that these calls do not trigger, and the tests that do.
ELSEWHERE = {
    "a blocking query whose caller has shut its sending side": "gateway/src/listen/half_closed.rs",
    "an agent dies in the middle of a stream": "tests/faults.rs",
    "a server, or an agent that servers pass calls on to, breaks": "tests/faults.rs",
    "an agent breaks the connection before it answers": "tests/faults.rs",
    "a head that cannot be served": "tests/heads.rs",
    "`\"`, `<`, `>`, backticks, `#` and bytes beyond ASCII": "tests/heads.rs",
    "a 500 that came through a server": "tests of nomad-forward",
    "pages of other sites": "tests of the gateway",
    "equal blocking queries at one time": "tests of nomad-forward",
    "HTTP over TLS": "tests of the gateway",
    "a websocket on an agent call": "tests/websockets.rs",
    "a denied `exec`": "page.py, refused_exec.py",
    "a websocket with the `Origin` of another site": "page.py",
    "`monitor` with `client_id`": "page.py, browser.py",
    "`monitor` with `server_id` at a client agent": "tests of nomad-forward",
    "`monitor` with `node_id` and `region`": "tests of nomad-forward",
    "`node_id` with the beginning of an id": "tests of nomad-forward",
    "`PUT /v1/agent/servers` with no target": "tests of nomad-forward",
    "`client/gc`, `POST` of `client/metadata`": "nomad/relay.rs and nomad/named_in_body.rs, against scripted servers",
    "`Region` in the body of": "nothing here sends one; nomad/named_in_body.rs",
    "a request that comes back to the gateway": "tests of the gateway",
    "a node that is `down` or `disconnected`": "successor.py",
    "an agent stays silent": "tests of nomad-forward; slow_changes.py",
    "a request's body that does not come": "tests of nomad-forward",
    "more than 70 streams": "streams_and_calls.py",
    "a response of which its client has taken nothing": "tests of nomad-forward; tests of the gateway",
    "more than 1,024 TLS handshakes of one address": "tests of the gateway",
    "a request's head of more than 16 KiB": "tests/heads.rs",
    "more requests for one agent than it allows connections": "tests of nomad-forward",
    "`GET /v1/node/:id` and events about nodes, with `rewrite_http_addr`": "cli.py, which has it switched on",
    "an error, where `Accept` is `application/json`": "tests of the gateway",
    "`NOMAD_SKIP_VERIFY`": "tests of the gateway",
    "`http_max_conns_per_client`": "tests of the gateway",
    "`https_handshake_timeout": "tests of the gateway",
    "`addresses { http": "tests of the gateway",
    "`tls_cipher_suites`": "tests of the gateway",
    "`monitor`, asked for by several callers in the same way": "tests/gathered.rs",
    "more than 16 different monitors of one agent": "tests/gathered.rs",
    "a task's log, with `gateway_until=dead`": "tests/repaired",
    "a task's log, with `gateway_rotation=repair`": "tests/repaired",
    "a followed log or file, with `gateway_resume=true`": "tests/repaired",
    "a log or a file, with `gateway_after`": "tests/repaired",
    "logs, files and monitors with `Accept: text/event-stream`": "tests/repaired",
    "other parameters that begin with `gateway_`": "tests/repaired",
}


def document():
    with open(DOCUMENT) as file:
        return file.read()


def rows(text):
    """The first cells of the gateway's table of calls."""
    table = text.split("## The gateway")[1].split("| call |")[1].split("\n\n")[0]
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]


def explain(pairs):
    """Prints how often each line occurred; returns differences without a line, and lines without an occurrence."""
    met, wrong = {}, []
    for pair in pairs:
        left = set(pair.aspects)
        for one in GATEWAY:
            if left & one.explains and one.holds(pair):
                met[one.line] = met.get(one.line, 0) + 1
                left -= one.explains
        if left:
            wrong.append(pair.say())
    for one in GATEWAY:
        print(f"{met.get(one.line, 0):5} explained by: {one.line}")
        if one.line not in met:
            wrong.append(f"nothing met: {one.line}")
    return wrong + untrue(document())


def untrue(text):
    """Lines that occur in one place only."""
    known = [one.line for one in GATEWAY] + list(ELSEWHERE)
    written = rows(text)
    wrong = [f"{DOCUMENT} has a line that nothing here looks at: {row}" for row in written if not row.startswith(tuple(known))]
    wrong += [f"{DOCUMENT} has no line that begins with: {line}" for line in known
              if not any(row.startswith(line) for row in written)]
    return wrong
