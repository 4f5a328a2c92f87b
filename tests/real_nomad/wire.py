"""Requests and their answers, with nothing but Python's own library."""

import http.client
import json
import socket
import ssl
import time

# What is waited for one answer. Longer than any wait that a call below asks for.
PATIENCE = 30


class Answer:
    """Status, headers (lower case, repeated ones joined) and body. `is_cut`: the answer went on when reading stopped."""

    def __init__(self, status, headers, body, is_cut):
        self.status, self.headers, self.body, self.is_cut = status, headers, body, is_cut

    def header(self, name):
        return self.headers.get(name.lower(), "")

    @property
    def way(self):
        """How the gateway had it: `direct`, `relay`, `pass`, or nothing when it answered itself."""
        return self.header("X-Nomad-Gateway-Path")

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


class Address:
    """Where an HTTP API is: an address such as http://127.0.0.1:4646, and for TLS who is trusted and who asks."""

    def __init__(self, url, context=None):
        self.url, self.context = url, context
        self.host, port = url.split("://")[1].split(":")
        self.port = int(port)

    def connect(self):
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def ask(self, method, path, token=None, body=None, **more):
        """One request on a connection of its own. `more`: headers, and seconds or size after which reading stops."""
        headers = {"X-Nomad-Token": token} if token else {}
        headers.update(more.get("headers") or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection = self.connect()
        try:
            # The path goes out as it is written, also where it is not clean.
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            data = body.encode() if isinstance(body, str) else body
            if data is not None or method in ("PUT", "POST", "DELETE"):
                connection.putheader("Content-Length", str(len(data or b"")))
            connection.endheaders(data)
            return read(connection, more.get("seconds"), more.get("size"))
        finally:
            connection.close()


def read(connection, seconds, size):
    """An answer to its end, or for so long, or until so many bytes are there."""
    kept = connection.sock
    if seconds:
        kept.settimeout(seconds)
    try:
        response = connection.getresponse()
    except socket.timeout:
        # A plain stream sends not even a head before it has something to say.
        return Answer(0, {}, b"", True)
    headers = {}
    for name, value in response.getheaders():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if not seconds and not size:
        return Answer(response.status, headers, response.read(), False)
    body, is_cut = some(response, kept, seconds or PATIENCE, size)
    return Answer(response.status, headers, body, is_cut)


def some(response, kept, seconds, size):
    body, end = b"", time.monotonic() + seconds
    while not size or len(body) < size:
        left = end - time.monotonic()
        if left <= 0:
            return body, True
        try:
            kept.settimeout(left)
            piece = response.read1(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            return body, True
        except OSError:
            # The end of an answer whose socket has been closed by its other side already.
            return body, False
        if not piece:
            return body, False
        body += piece
    return body, True


def frames(text):
    """The JSON objects that stand back to back in a framed stream, and what is left over."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
        while at < len(text) and text[at] in "\r\n ":
            at += 1
    return found, text[at:]


def wait_for(what, check, seconds=60):
    """What `check` finds, asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = check()
            if found:
                return found
        except (OSError, ValueError, KeyError, IndexError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    raise SystemExit(f"timed out waiting for {what}")
