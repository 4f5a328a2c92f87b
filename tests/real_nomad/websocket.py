"""A websocket client, as much of it as a browser's page needs."""

import base64
import json
import os
import re
import socket
import struct


class Refused(Exception):
    """The response to the upgrade is not 101."""

    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status, self.text = status, text


class Websocket:
    """Opens it with the headers that a browser sends; messages are JSON values."""

    def __init__(self, address, path, headers=()):
        raw = socket.create_connection((address.host, address.port), timeout=15)
        self.socket = address.context.wrap_socket(raw, server_hostname=address.host) if address.context else raw
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.host}:{address.port}", "Connection: Upgrade",
                 "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
                 *headers]
        if not any(line.startswith("Origin:") for line in headers):
            lines.append(f"Origin: {address.url}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.left = b""
        while b"\r\n\r\n" not in self.left:
            piece = self.socket.recv(4096)
            if not piece:
                raise Refused(0, "closed without an answer")
            self.left += piece
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        if status != 101:
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = self.take(int(length[1])) if length else self.left
            raise Refused(status, body.decode(errors="replace"))

    def send(self, value):
        data, mask = json.dumps(value).encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + struct.pack("!H", len(data))
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def take(self, count):
        while len(self.left) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.left += piece
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def message(self):
        """The next message; at the end `("close", code, reason)`."""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", self.take(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.take(8))[0]
            data, kind = self.take(length), first & 0x0F
            if kind == 8:
                return ("close", struct.unpack("!H", data[:2])[0] if data else 0, data[2:].decode(errors="replace"))
            if kind in (1, 2):
                return json.loads(data)

    def to_the_end(self, until=None):
        """The data on each output, and the end; or the data until those bytes arrived."""
        said, exited = b"", None
        while True:
            try:
                value = self.message()
            except (EOFError, socket.timeout) as error:
                return said, exited, ("broken", type(error).__name__)
            if isinstance(value, tuple):
                return said, exited, value
            for output in ("stdout", "stderr"):
                said += base64.b64decode((value.get(output) or {}).get("data") or "")
            if value.get("exited"):
                exited = (value.get("result") or {}).get("exit_code")
            if until and until in said:
                return said, exited, None

    def close(self):
        self.socket.close()
