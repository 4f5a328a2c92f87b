"""A Nomad server and a client agent that follow a script: what the gateway asks about tokens and allocations, and
streams with a known beat. One process, one epoll loop: `python3 scripted.py PORT '{"ALLOCATION": "NODE", ...}'`."""

import json
import select
import socket
import sys
import time

RULES = "".join(
    f'namespace "team-{n:02}-*" {{ policy = "write" }}\n' for n in range(98)
) + 'node { policy = "read" }\nagent { policy = "read" }\n'

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STREAM = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HEARTBEAT = b"2\r\n{}\r\n"

# An idle stream has a heartbeat a second, as Nomad's; a busy one a frame every five milliseconds, so many in all.
BEAT = 1.0
SLOTS = 100
FRAME_EVERY = 0.005
FRAMES = 300


def answer(path, allocations):
    """Status and JSON of a question about tokens, allocations or the fleet."""
    if path == "/v1/acl/token/self":
        return 200, {"AccessorID": "a", "Name": "bench", "Type": "client", "Policies": ["bench"]}
    if path.startswith("/v1/acl/policy/"):
        return 200, {"Name": path.rpartition("/")[2], "Rules": RULES, "ModifyIndex": 7}
    if path.startswith("/v1/allocation/"):
        node = allocations.get(path.rpartition("/")[2])
        return (200, {"NodeID": node, "Namespace": "team-42-web"}) if node else (404, "alloc not found")
    if path == "/v1/agent/health":
        return 200, {"server": {"ok": True, "message": "ok"}}
    # The fleet is a fixed table.
    return 403, "Permission denied"


def frame():
    text = b'{"File":"bench","Offset":%d}' % time.monotonic_ns()
    return b"%x\r\n%s\r\n" % (len(text), text)


class Server:
    def __init__(self, port, allocations):
        self.allocations = allocations
        self.poll = select.epoll()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listener.setblocking(False)
        self.poll.register(self.listener, select.EPOLLIN)
        self.connections, self.read = {}, {}
        self.idle = [set() for _ in range(SLOTS)]
        self.busy = {}

    def run(self):
        slot, slot_at = 0, time.monotonic()
        while True:
            now = time.monotonic()
            due = min([slot_at, *(at for at, _ in self.busy.values())])
            for fd, event in self.poll.poll(max(0.0, due - now)):
                if fd == self.listener.fileno():
                    self.accept()
                else:
                    self.readable(fd)
            now = time.monotonic()
            while slot_at <= now:
                for fd in list(self.idle[slot]):
                    self.send(fd, HEARTBEAT)
                slot, slot_at = (slot + 1) % SLOTS, slot_at + BEAT / SLOTS
            for fd, (at, left) in list(self.busy.items()):
                if at <= now:
                    self.beat(fd, at, left)

    def beat(self, fd, at, left):
        if left:
            self.busy[fd] = (at + FRAME_EVERY, left - 1)
            self.send(fd, frame())
        else:
            del self.busy[fd]
            self.send(fd, b"0\r\n\r\n")

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[connection.fileno()], self.read[connection.fileno()] = connection, b""
            self.poll.register(connection, select.EPOLLIN)

    def readable(self, fd):
        try:
            data = self.connections[fd].recv(65536)
        except OSError:
            data = b""
        if not data:
            return self.close(fd)
        self.read[fd] += data
        while b"\r\n\r\n" in self.read.get(fd, b""):
            head, _, self.read[fd] = self.read[fd].partition(b"\r\n\r\n")
            self.request(fd, head.split(b" ", 2)[1].decode())

    def request(self, fd, target):
        path, _, query = target.partition("?")
        if "task=idle" in query:
            self.idle[fd % SLOTS].add(fd)
            self.send(fd, STREAM + HEARTBEAT)
        elif "task=busy" in query:
            self.busy[fd] = (time.monotonic() + FRAME_EVERY, FRAMES)
            self.send(fd, STREAM + frame())
        else:
            status, body = answer(path, self.allocations)
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            start = HEAD.replace(b"200 OK", b"%d X" % status)
            self.send(fd, start + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def send(self, fd, data):
        try:
            self.connections[fd].send(data)
        except (OSError, KeyError):
            self.close(fd)

    def close(self, fd):
        connection = self.connections.pop(fd, None)
        self.read.pop(fd, None)
        self.idle[fd % SLOTS].discard(fd)
        self.busy.pop(fd, None)
        if connection is not None:
            self.poll.unregister(fd)
            connection.close()


if __name__ == "__main__":
    Server(int(sys.argv[1]), json.loads(sys.argv[2])).run()
