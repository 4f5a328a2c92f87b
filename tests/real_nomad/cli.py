"""Nomad's own command line, at a server and at the gateway: exit codes and output."""

import os
import re
import subprocess

from wire import wait_for

# Times, durations and statistics that change with a host's use.
TIMES = [
    (re.compile(r"\b(\d+[dhms])+(\d+[ms])* ago\b|<none> ago|less than a second ago"), "AGO"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?( UTC)?"), "TIME"),
    (re.compile(r"\b(\d+[dhm])*\d+(\.\d+)? ?(µs|ms|s|ns|us|m)\b"), "SPAN"),
]
# Ids first: parts of some are only digits. A snapshot's id consists of term, index and time.
IDS = [
    (re.compile(r"\b\d+-\d+-\d{13}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"), (re.compile(r"\b[0-9a-f]{8}\b"), "ID"),
    (re.compile(r"\b\d{10,}\b|(?<=Index)( *=|\":) \d+"), "N"),
]
FIGURES = [(re.compile(r"\b\d+(\.\d+)?(?=[ %/\]]|$)"), "N"), (re.compile(r"\b\d+(\.\d+)? ?[KMG]iB\b"), "SIZE")]


class Side:
    """One of the two places where commands run."""

    def __init__(self, cluster, world, at, name):
        self.cluster, self.world, self.at, self.name = cluster, world, at, name
        self.folder = f"{cluster.folder}/cli-{name}"
        os.makedirs(self.folder, exist_ok=True)
        self.env = {"NOMAD_ADDR": at.url, "HOME": self.folder, "PATH": os.environ["PATH"], "TERM": "xterm",
                    "NOMAD_CLI_SHOW_HINTS": "false"}
        if cluster.management:
            self.env["NOMAD_TOKEN"] = cluster.management
        if cluster.tls:
            self.env.update(cluster.tls.environment())

    def command(self, words):
        return [self.cluster.nomad, *(self.world.named(word) for word in words)]

    def run(self, words, typed=None, patience=60):
        command = self.command(words)
        try:
            return subprocess.run(command, env=self.env, cwd=self.folder, input=typed or b"", capture_output=True,
                                  check=False, timeout=patience)
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(command, 124, late.stdout or b"", late.stderr or b"")

    def start(self, words, **more):
        return subprocess.Popen(self.command(words), env=self.env, cwd=self.folder, **more)


class Printed:
    """The result of a command: its exit code, and its output in the form that is compared."""

    def __init__(self, code, text, tail=""):
        self.code, self.text, self.tail = code, text, tail

    def __eq__(self, other):
        return (self.code, self.text) == (other.code, other.text)


def printed(side, done, masks):
    text = (done.stdout + done.stderr).decode(errors="replace")
    # Each relaying server adds this prefix; which connection the client reuses is chance.
    text = text.replace("rpc error: ", "")
    text = text.replace(side.at.url, "ADDRESS").replace(side.at.url.split("//")[1], "ADDRESS")
    for pattern, word in masks:
        text = pattern.sub(word, text)
    # Maps come in any order, in lines and over lines.
    lines = sorted(" ".join(sorted(re.split(r"[\s,]+", line))).strip() for line in text.splitlines())
    return Printed(done.returncode, "\n".join(line for line in lines if line), text[-400:])


def same(*words, typed=None):
    """Prints the same, but for times."""
    return " ".join(words), lambda side: printed(side, side.run(words, typed), TIMES)


def exact(*words):
    """Prints a task's own bytes."""
    def run(side):
        done = side.run(words)
        return Printed(done.returncode, repr(done.stdout), done.stderr.decode(errors="replace"))
    return " ".join(words), run


def keys(*words):
    """Prints statistics of the responding agent: their names are the same."""
    def run(side):
        done = side.run(words)
        names = sorted(set(re.findall(r"^ *([\w.]+) +=|\"(\w+)\":\[", done.stdout.decode(), re.M)))
        return Printed(done.returncode, str(names), done.stderr.decode(errors="replace"))
    return " ".join(words), run


def anew(*words, typed=None):
    """Creates something with a new id each time."""
    return " ".join(words), lambda side: printed(side, side.run(words, typed), TIMES + IDS)


def series(*rows):
    """Commands that need each other, one after the other at one side, then at the other."""
    def run(side):
        came = [one(side) for _, one in rows]
        codes = ",".join(str(one.code) for one in came)
        return Printed(codes, "\n--\n".join(one.text for one in came), "".join(one.tail for one in came))
    return "; ".join(name for name, _ in rows), run


def figures(*words):
    """Prints statistics that change: the text around them is the same."""
    return " ".join(words), lambda side: printed(side, side.run(words), TIMES + IDS + FIGURES)


def back_again(world):
    """Waits until every job that a command stopped or moved runs again, and reads the new ids."""
    from world import jobs

    for one in jobs():
        if one["ID"] in ("static", "static2", "ticks", "ticks2"):
            alloc = wait_for(f"{one['ID']} again", lambda: world.allocation(one))
            world.ids[one["ID"]] = alloc["ID"]
    world.wait_for_files()


def on_purpose(line, row):
    """A row that differs, as that line of docs/differences.md says."""
    return *row, line


def compare(sides, rows):
    """Runs each row at both sides; prints a table; returns the differences."""
    wrong = []
    for name, run, *line in rows:
        one, two = (run(side) for side in sides)
        is_right = (one == two) != bool(line)
        verdict = "DIFFERENT" if not is_right else "on purpose" if line else "same"
        print(f"{verdict:10} {one.code!s:>5} {two.code!s:>5}  nomad {sides[0].world.named(name)[:110]}")
        if not is_right:
            wrong.append(f"nomad {name}: {differing(one, two)}")
    return wrong


def differing(one, two):
    if one.code != two.code:
        return f"exit {one.code} and {two.code}: {one.tail!r} | gateway {two.tail!r}"
    left, right = one.text.splitlines(), two.text.splitlines()
    return f"{[x for x in left if x not in right][:6]} | gateway {[x for x in right if x not in left][:6]}"
