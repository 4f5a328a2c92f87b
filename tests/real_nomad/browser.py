"""Nomad's own web page in a browser, at a server and at the gateway: its content, and its failed requests."""

import json
import os
from dataclasses import dataclass
from typing import Callable

import chromium
from chromium import Chromium, NotSeen

# Occurs in the page that Ember starts from, and in no other page of an agent.
EMBER = "nomad-ui/config/environment"
# Responses of an agent to any client.
AGENTS = ("/v1/client/", "/v1/agent/monitor")
# The window for logs, files and monitors.
WINDOW = "document.querySelector('pre.cli-window').textContent"
TICKS = f"[...{WINDOW}.matchAll(/^tick (\\d+)$/gm)].map(found => Number(found[1]))"
FILES = "[...document.querySelectorAll('tbody .name')].map(name => name.textContent.trim()).sort()"
# The page's terminal object, which holds its content line by line.
TERMINAL = """((screen) => Array.from({length: screen.length}, (_, row) => screen.getLine(row).translateToString(true))
    .join("\\n").trimEnd())(window.execTerminal.buffer.active)"""


@dataclass(frozen=True)
class Page:
    """`show` opens it in a tab and says what it came to show. `way`: how the gateway has what its agent says.

    `line` and `shown`: a difference on purpose, as docs/differences.md has it, and what each side shows.
    """

    name: str
    way: str
    show: Callable
    line: str = ""
    shown: tuple = ()


@dataclass(frozen=True)
class Looked:
    """What a page showed, if it did, its failed requests, here and elsewhere, and the paths to agents."""

    shown: str
    is_right: bool
    failed: list
    failed_elsewhere: list
    elsewhere: list
    ways: list


def run(world, server, gateway, stands_in):
    """The differences, at a gateway, and at one whose nodes have its own address."""
    program = chromium.found()
    reason = missing(program, server)
    if reason:
        print(f"ui: skipped: {reason}")
        return []
    wrong = []
    cluster = world.cluster
    with Chromium(program, f"{cluster.folder}/chromium", cluster.base + 95) as browser:
        for page in pages(world):
            one, two, three = (look(browser, world, at, page) for at in (server, gateway, stands_in))
            wrong += told(page, page.name, two, differing(page, one, two) + failing(one, two))
            wrong += told(page, f"{page.name}, rewrite_http_addr", three, differing(page, one, three) + straying(one, three))
    return wrong


def missing(program, server):
    """What is missing to run the part, and how to get it."""
    if not program:
        asked = os.environ.get("CHROMIUM")
        which = f"CHROMIUM names no program ({asked})" if asked else f"there is none of {', '.join(chromium.NAMES)}"
        return f"{which}; install Chromium, or name it with CHROMIUM=/path/to/chromium"
    if EMBER not in server.ask("GET", "/ui/").text:
        return "this Nomad has no web page built in; take a released binary, or build it with `-tags ui`"
    return None


def look(browser, world, at, page):
    """Opens a page in a tab of its own, with the token that a user has entered before."""
    secret = json.dumps(world.tokens["mgmt"])
    with browser.tab(f"window.localStorage.nomadTokenSecret = {secret}") as tab:
        try:
            return looked(tab, at, page.show(tab, at), True)
        except NotSeen as unseen:
            tab.picture(f"{browser.folder}/{page.name.replace(' ', '-')}-{at.port}.png")
            return looked(tab, at, f"not seen: {unseen}", False)


def looked(tab, at, shown, is_right):
    asked = {one["requestId"]: one["request"]["url"] for one in tab.happened("Network.requestWillBeSent")}
    asked.update({one["requestId"]: one["url"].replace("ws", "http", 1) for one in tab.happened("Network.webSocketCreated")})
    answers = [(asked.get(one["requestId"], ""), one["response"])
               for one in tab.happened("Network.responseReceived", "Network.webSocketHandshakeResponseReceived")]
    failed = {(url, answer["status"]) for url, answer in answers if answer["status"] >= 400}
    # A page cancels requests by itself, when it goes on to something else.
    failed |= {(asked.get(one["requestId"], ""), one["errorText"])
               for one in tab.happened("Network.loadingFailed") if not one.get("canceled")}

    def is_here(url):
        return url.startswith(f"{at.url}/")
    return Looked(
        shown, is_right,
        failed=sorted(f"{why} {path(url)}" for url, why in failed if is_here(url)),
        failed_elsewhere=sorted(f"{why} {url}" for url, why in failed if not is_here(url)),
        elsewhere=sorted({url for url in asked.values() if url.startswith("http") and not is_here(url)}),
        ways=sorted({way(answer) for url, answer in answers if is_here(url) and path(url).startswith(AGENTS)}))


def path(url):
    return "/" + url.split("?")[0].split("/", 3)[-1]


def way(answer):
    return next((value for name, value in answer["headers"].items() if name.lower() == "x-nomad-gateway-path"), "")


def told(page, name, two, faults):
    """Prints how a page works at a gateway; returns the errors."""
    print(f"ui {name}: {'DIFFERENT' if faults else page.line or 'same'}: {two.shown[:100]}")
    return [f"ui {name}: {fault}" for fault in faults]


def differing(page, one, two):
    faults = []
    is_same = (one.shown, two.shown) == page.shown if page.line else one.shown == two.shown
    if not (is_same and one.is_right and two.is_right):
        faults.append(f"{one.shown} | gateway {two.shown}")
    if two.ways != [page.way]:
        faults.append(f"agents were asked by way of {two.ways}, not {page.way!r}")
    return faults


def failing(one, two):
    """A page that gets a node's own address tries that first, which browsers refuse; then it uses its own origin."""
    if (one.failed, one.failed_elsewhere) == (two.failed, two.failed_elsewhere):
        return []
    return [f"failed requests {one.failed} {one.failed_elsewhere} | gateway {two.failed} {two.failed_elsewhere}"]


def straying(one, two):
    """A page that gets only one address uses no other."""
    faults = [] if one.failed == two.failed else [f"failed requests {one.failed} | gateway {two.failed}"]
    return faults + ([f"went past the gateway: {two.elsewhere}"] if two.elsewhere else [])


def pages(world):
    # A shell's websocket is accepted before its first message has the token: only then an agent is selected.
    return [
        Page("log page", "direct", logs(world, "ticks")),
        Page("log page of a node without a way", "relay", logs(world, "ticks2")),
        Page("file page", "direct", files(world, "static")),
        Page("file page of a node without a way", "relay", files(world, "static2")),
        Page("exec page", "", shell(world, "static")),
        Page("exec page of a node without a way", "", shell(world, "static2")),
        Page("client monitor page", "direct", monitor(world, "clients/{node1}"),
             "`monitor` with `client_id`", ("tells of server1", "tells of client1")),
        Page("server monitor page", "direct", monitor(world, "servers/{another}")),
    ]


def logs(world, alloc):
    """The log of a task that counts: it continues, and no line is missing or repeated."""
    def show(tab, at):
        tab.go(at.url + world.named(f"/ui/allocations/{{{alloc}}}/main/logs"))
        first = tab.wait("a line of the log", f"{TICKS}.length > 1 && {TICKS}")[0]
        # The last line may not be whole yet.
        lines = tab.wait("later lines", f"{TICKS}.at(-1) > {first + 10} && {TICKS}")[:-1]
        if lines != list(range(lines[0], lines[-1] + 1)):
            raise NotSeen(f"one line after the other, but {lines}")
        return "line after line, and later ones"
    return show


def files(world, alloc):
    """A folder, a file in it that is clicked on, and one that is too large to be shown whole."""
    def show(tab, at):
        folder = at.url + world.named(f"/ui/allocations/{{{alloc}}}/main/fs/local")
        tab.go(folder)
        names = tab.wait("files", f"{FILES}.includes('hello.txt') && {FILES}")
        tab.value("[...document.querySelectorAll('tbody a')].find(link => link.textContent.trim() === 'hello.txt').click()")
        hello = tab.wait("a file's content", f"{WINDOW}.includes('hello') && {WINDOW}").strip()
        tab.go(f"{folder}/lines.txt")
        lines = tab.wait("a large file's beginning", f"{WINDOW}.includes('line') && {WINDOW}")
        return f"{hello!r} in hello.txt, {len(lines)} bytes of lines.txt, which begins {lines[:11]!r}, beside {' '.join(names)}"
    return show


def shell(world, alloc):
    """A shell: it shows the output of its commands, and the page reports when it is left."""
    def show(tab, at):
        job, short = alloc, world.ids[alloc].split("-")[0]
        tab.go(f"{at.url}/ui/exec/{job}/g/main?allocation={short}&namespace=default")
        tab.wait("a command to run", f"/ \\/bin\\/bash$/.test({TERMINAL})")
        tab.value("window.execTerminal.focus()")
        tab.type("\n")
        tab.wait("a prompt", f"/[#$]$/.test({TERMINAL})")
        tab.type("echo a$((40+2))b; tty\n")
        tab.wait("what the command says", f"/^a42b\\n\\/dev\\/pts/m.test({TERMINAL})")
        tab.type("exit\n")
        tab.wait("the end", f"{TERMINAL}.endsWith('The connection has closed.')")
        return "a command's output on a terminal, and the end"
    return show


def monitor(world, agent):
    """An agent's log, identified by a call that is made to each of them while the page is open."""
    def stir():
        for name in ("client1", "server1", "server3"):
            world.cluster.at(world.cluster.port(name)).ask("GET", f"/v1/agent/health?only={name}")

    def show(tab, at):
        tab.go(at.url + world.named(f"/ui/{agent}/monitor?level=debug"))
        told = tab.wait("a line of the log", f"{WINDOW}.match(/agent\\/health\\?only=(\\w+)/)", stir)
        return f"tells of {told[1]}"
    return show
