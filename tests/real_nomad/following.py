"""Commands that run until they are interrupted, commands with a keyboard, and the debug archive."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import tarfile
import threading
import time

from cli import Printed

# Timeout for lines that come by themselves.
LONG = 15


def rows():
    return [
        *(follow(f"alloc logs -f {{{name}}}", ("alloc", "logs", "-f", f"{{{name}}}"), rb"tick \d+\n") for name in ("ticks", "ticks2")),
        follow("alloc logs -f -tail -n 2", ("alloc", "logs", "-f", "-tail", "-n", "2", "{ticks}"), rb"tick \d+\n"),
        *(follow(f"alloc fs -f {{{name}}}", ("alloc", "fs", "-f", f"{{{name}}}", "alloc/logs/main.stdout.0"), rb"tick \d+\n")
          for name in ("ticks", "ticks2")),
        *(follow("monitor " + " ".join(target), ("monitor", "-log-level=debug", *target), rb"request complete")
          for target in (("-node-id", "{node1}"), ("-node-id", "{node2}"), ("-server-id", "leader"),
                         ("-server-id", "{follower}"))),
        follow("monitor -json", ("monitor", "-log-level=debug", "-json", "-node-id", "{node1}"), rb'"@level":"debug"'),
        ended("monitor -node-id", ("monitor", "-node-id", "ffffffff-1111-2222-3333-444444444444")),
        ended("monitor -server-id", ("monitor", "-server-id", "nope")),
        *(ended(f"monitor export {target[0]}", ("monitor", "export", "-on-disk=true", "-logs-since", "24h", *target),
                rb"agent: ")
          for target in (("-node-id", "{node1}"), ("-node-id", "{node2}"))),
        ("monitor export -server-id", exported),
        *(executed(name, alloc) for alloc in ("static", "static2") for name in ("stdin", "code", "missing", "stderr", "big")),
        *(("alloc exec -t {%s}" % alloc, lambda side, alloc=alloc: at_keyboard(side, alloc)) for alloc in ("static", "static2")),
        ("operator debug", archived),
    ]


def follow(name, words, wanted):
    return name, lambda side: followed(side, words, wanted)


def followed(side, words, wanted):
    """Lines arrive over time, and an interrupt ends it."""
    process = side.start(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    stirring = threading.Event()
    threading.Thread(target=stir, args=(side, stirring), daemon=True).start()
    said, pieces, end = b"", 0, time.monotonic() + LONG
    while time.monotonic() < end and (len(re.findall(wanted, said)) < 3 or pieces < 3):
        if not select.select([process.stdout], [], [], 0.5)[0]:
            continue
        piece = os.read(process.stdout.fileno(), 65536)
        if not piece:
            break
        said, pieces = said + piece, pieces + 1
    stirring.set()
    process.send_signal(signal.SIGINT)
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "did not end"
    process.stdout.close()
    came = len(re.findall(wanted, said)) >= 3 and pieces >= 3
    return Printed(code, f"lines came over time: {came}", said[-300:].decode(errors="replace"))


def stir(side, stop):
    """Gives every agent something to log."""
    while not stop.wait(0.2):
        for name in side.cluster.running_agents():
            try:
                side.cluster.at(side.cluster.port(name)).ask("GET", "/v1/agent/health")
            except OSError:
                pass


def ended(name, words, wanted=None):
    def run(side):
        done = side.run(words)
        text = (done.stdout + done.stderr).decode(errors="replace")
        told = bool(re.search(wanted, done.stdout)) if wanted else text.replace(side.at.url, "ADDRESS")
        return Printed(done.returncode, str(told), text[-300:])
    return " ".join(words) if not wanted else name + " " + words[-1], run


def exported(side):
    """For a server by its name Nomad gives an endless live log; the gateway gives the requested one."""
    if side.name == "server":
        return Printed(0, "True")
    done = side.run(("monitor", "export", "-on-disk=true", "-logs-since", "24h", "-server-id", "{follower}"))
    return Printed(done.returncode, str(b"nomad.raft: " in done.stdout), done.stderr.decode(errors="replace"))


SCRIPTS = {
    "stdin": ("read line; echo \"got $line\"; cat | wc -c", b"hello\n" + b"x" * 100_000),
    "code": ("exit 7", b""),
    "stderr": ("echo out; echo err >&2; exit 1", b""),
    "big": ("head -c 1000000 /dev/zero | tr '\\0' z; echo", b""),
}


def executed(name, alloc):
    if name == "missing":
        words = ("alloc", "exec", "-task", "main", f"{{{alloc}}}", "/bin/not-there")
        return " ".join(words), lambda side: exec_result(side.run(words))
    script, typed = SCRIPTS[name]
    words = ("alloc", "exec", "-task", "main", f"{{{alloc}}}", "/bin/sh", "-c", script)
    return " ".join(words), lambda side: exec_result(side.run(words, typed))


def exec_result(done):
    text = f"{len(done.stdout)} {done.stdout[:200]!r} {done.stderr.decode(errors='replace')}"
    return Printed(done.returncode, text, text[-300:])


def at_keyboard(side, alloc):
    """A shell under a terminal: what is typed is seen, its size is the terminal's, and its exit code comes back."""
    keyboard, screen = pty.openpty()
    words = ("alloc", "exec", "-t", "-task", "main", f"{{{alloc}}}", "/bin/sh", "-i")
    process = side.start(words, stdin=screen, stdout=screen, stderr=screen, start_new_session=True)
    os.close(screen)
    seen = typed(keyboard, (b"echo a$((20+22))b; tty >/dev/null && echo is-a-tty\n", b"is-a-tty"))
    seen += typed(keyboard, (b"exit 9\n", None))
    try:
        code = process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "did not end"
    os.close(keyboard)
    return Printed(code, str((b"a42b" in seen, b"\nis-a-tty" in seen)), seen[-300:].decode(errors="replace"))


def typed(keyboard, step):
    """Types, and reads until the text comes after a line's beginning, or until the end."""
    line, until = step
    seen, end = b"", time.monotonic() + LONG
    # The prompt: a shell that has not started yet loses its input.
    while until and b"$ " not in seen and b"# " not in seen and time.monotonic() < end:
        seen += heard(keyboard)
    os.write(keyboard, line)
    while time.monotonic() < end:
        piece = heard(keyboard)
        seen += piece
        if until and b"\n" + until in seen:
            break
        if piece == b"" and not until:
            break
    return seen


def heard(keyboard):
    try:
        return os.read(keyboard, 4096) if select.select([keyboard], [], [], 1)[0] else b""
    except OSError:
        # The terminal's other end is closed.
        return b""


def archived(side):
    """The archive of both kinds of targets: its files, none of which is an error's."""
    words = ("operator", "debug", "-duration", "5s", "-interval", "2s", "-pprof-duration", "1s", "-server-id", "all",
             "-node-id", "{node1},{node2}", "-output", side.folder)
    for left in os.listdir(side.folder):
        if left.endswith(".tar.gz") or left.startswith("nomad-debug"):
            subprocess.run(["rm", "-rf", f"{side.folder}/{left}"], check=True)
    done = side.run(words, patience=180)
    found = [name for name in os.listdir(side.folder) if name.startswith("nomad-debug")]
    text = (done.stdout + done.stderr).decode(errors="replace")
    if not found:
        return Printed(done.returncode, "no archive", text[-600:])
    files = listed(f"{side.folder}/{found[0]}")
    errors = sorted(re.sub(r"\d+", "N", line.strip()) for line in text.splitlines() if "rror" in line)
    return Printed(done.returncode, "\n".join(files + errors), text[-600:])


def listed(path):
    """Names in the archive without its own and without the nodes' ids, and whether each is empty."""
    lines = []
    with tarfile.open(path) if os.path.isfile(path) else tarfile.open(fileobj=packed(path)) as archive:
        for member in archive.getmembers():
            name = "/".join(member.name.split("/")[1:])
            if member.isfile():
                lines.append(f"{name} {'empty' if member.size == 0 else 'full'}")
    return sorted(lines)


def packed(path):
    """The same for a directory: with -output nothing is archived."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.add(path, arcname="debug")
    held.seek(0)
    return held
