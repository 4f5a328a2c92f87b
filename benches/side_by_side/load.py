"""What is asked of a proxy, and what it costs: many small requests, one large body, streams."""

import os
import re
import select
import socket
import subprocess
import time

import processes

TOKEN = "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3"


def small(process, target, seconds, connections=32, script=None, warm=0.3):
    """wrk with one thread; `process` is whose processor time is counted, None when nobody's is."""
    port = target[0]
    command = ["wrk", "-t1", f"-c{connections}", "--latency", "-H", f"X-Nomad-Token: {TOKEN}"]
    if script:
        command += ["-s", script]
    url = f"http://127.0.0.1:{port}{target[1]}"
    for duration in [warm, seconds]:
        before = process.cpu() if process else 0
        out = run(command + [f"-d{max(1, round(duration))}s", url])
        spent = (process.cpu() if process else 0) - before
    requests = int(re.search(r"(\d+) requests in", out)[1])
    faults = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = re.search(r"Socket errors: (.*)", out)
    if faults or requests == 0:
        raise SystemExit(f"{url}: {faults[1] if faults else 'no'} answers that are none\n{out}")
    if errors and not re.fullmatch(r"connect 0, read \d+, write 0, timeout \d+", errors[1]):
        raise SystemExit(f"{url}: {errors[1]}")
    return {
        "requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "p50 ms": milliseconds(re.search(r"(?m)^ +50% +(\S+)$", out)[1]),
        "p99 ms": milliseconds(re.search(r"(?m)^ +99% +(\S+)$", out)[1]),
        "CPU µs/request": spent / requests * 1e6 if process else None,
    }


def run(command):
    pinned = ["taskset", "-c", ",".join(map(str, processes.OTHER_CORES)), *command]
    return subprocess.run(pinned, check=True, capture_output=True, text=True).stdout


def milliseconds(text):
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if not found:
        raise SystemExit(f"wrk says {text!r} for a time")
    number, unit = found.groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def ask(port, path, close=True):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end = "Connection: close\r\n" if close else ""
    text = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Nomad-Token: {TOKEN}\r\n{end}\r\n"
    connection.sendall(text.encode())
    return connection


# A body takes a few ticks of the clock that processor time is counted in: so many are one measurement.
BODIES = 4


def body(process, target, least):
    """Large bodies one after the other, thrown away as they come."""
    before, read, took = (process.cpu() if process else 0), 0, 0
    for _ in range(BODIES):
        began = time.monotonic()
        read += one_body(target, least)
        took += time.monotonic() - began
    time.sleep(0.05)
    spent = (process.cpu() if process else 0) - before
    return {"MB/s": read / took / 1e6, "CPU s/GiB": spent * (1 << 30) / read if process else None}


def one_body(target, least):
    connection, into, read = ask(*target), bytearray(1 << 20), 0
    head = connection.recv(9)
    while True:
        # With MSG_TRUNC the bytes are dropped in the kernel: whoever reads costs next to nothing.
        count = connection.recv_into(into, 0, socket.MSG_TRUNC)
        if count == 0:
            break
        read += count
    connection.close()
    if read < least or not head.startswith(b"HTTP/1.1 "):
        raise SystemExit(f"{target}: {read} bytes of {least}, {head!r}")
    return read


OFFSET = re.compile(rb'"Offset":(\d+)\}')


def stream(target):
    """One busy stream: the time to the first byte of its body, and of each frame from its writing to its reading."""
    began = time.monotonic_ns()
    connection, first, late, rest = ask(*target, close=False), None, [], b""
    while not rest.endswith(b"0\r\n\r\n"):
        data = connection.recv(65536)
        now = time.monotonic_ns()
        if not data:
            break
        rest = rest[-64:] + data
        if first is None and (found := OFFSET.search(rest)):
            first = now - began
        late += [now - int(offset) for offset in OFFSET.findall(data)]
    connection.close()
    if len(late) < 100:
        raise SystemExit(f"{target}: only {len(late)} frames")
    late.sort()
    return {
        "first byte ms": first / 1e6,
        "frame p50 µs": late[len(late) // 2] / 1e3,
        "frame p99 µs": late[len(late) * 99 // 100] / 1e3,
    }


def idle(process, target, count, seconds):
    """So many streams that say nothing but a heartbeat a second, held for a while."""
    before = process.memory()
    held, poll = [], select.epoll()
    began = time.monotonic()
    for _ in range(count):
        connection = ask(*target, close=False)
        connection.setblocking(False)
        poll.register(connection, select.EPOLLIN)
        held.append(connection)
        if len(held) % 50 == 0:
            drain(poll, 0.0)
    drain(poll, 2.0)
    opened, spent = time.monotonic() - began, process.cpu()
    beats = drain(poll, seconds)
    spent, memory = process.cpu() - spent, process.memory()
    for connection in held:
        connection.close()
    if beats < count * seconds * 0.8:
        raise SystemExit(f"{target}: {beats} heartbeats of {count} streams in {seconds} s")
    return {
        "CPU %": spent / seconds * 100,
        "KiB/stream": (memory - before) / count / 1024,
        "RSS MiB": memory / (1 << 20),
        "opened in s": opened,
    }


def drain(poll, seconds):
    """Reads whatever comes for so long; how many pieces that were."""
    until, pieces, into = time.monotonic() + seconds, 0, bytearray(65536)
    while True:
        left = until - time.monotonic()
        for fd, _ in poll.poll(max(0.0, min(left, 0.05))):
            try:
                count = os.readv(fd, [into])
            except BlockingIOError:
                continue
            if count == 0:
                poll.unregister(fd)
            pieces += 1
        if left <= 0:
            return pieces
