"""Processes of our own: started on their core, looked at in /proc, ended by id."""

import atexit
import os
import resource
import signal
import socket
import subprocess
import sys
import time

CORES = sorted(os.sched_getaffinity(0))
# Proxies have a core of their own where there is one, so that load and upstream do not push them off it.
PROXY_CORE = {CORES[-1]}
OTHER_CORES = set(CORES[:-1]) or {CORES[0]}

# A stream through a proxy is two sockets of it.
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
MAX_STREAMS = (FILES - 200) // 2

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

_started = []


class Process:
    """A process that listens on `port`."""

    def __init__(self, name, command, log, port, core=None, env=None):
        self.name, self.port = name, port
        core = core or OTHER_CORES
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                preexec_fn=lambda: os.sched_setaffinity(0, core))
        self.log = log
        _started.append(self)

    def ready(self, limit=30):
        """Waits until it accepts connections."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"{self.name} does not listen; see {self.log}")

    def cpu(self):
        """Seconds of processor time, utime and stime of all its threads."""
        with open(f"/proc/{self.child.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """Bytes that are resident."""
        with open(f"/proc/{self.child.pid}/statm") as statm:
            return int(statm.read().split()[1]) * PAGE

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self in _started:
            _started.remove(self)


# Without it a script that is told to end would leave behind what it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@atexit.register
def end_all():
    for process in reversed(list(_started)):
        process.end()


def free_ports(count):
    """Ports that nobody uses now; all are held together so that no two are the same."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
