"""Requests and their responses, with nothing but Python's own library."""

import http.client
import json
import socket
import ssl
import time

# Timeout of one response, longer than any wait that a call below requests.
PATIENCE = 30


class Answer:
    """Status, headers (lower case, repeated ones joined) and body. `is_cut`: the response continued when reading stopped."""

    def __init__(self, status, headers, body, is_cut):
        self.status, self.headers, self.body, self.is_cut = status, headers, body, is_cut

    def header(self, name):
        return self.headers.get(name.lower(), "")

    @property
    def way(self):
        """The gateway's path: `direct`, `relay`, `pass`, or nothing when it responded itself."""
        return self.header("X-Nomad-Gateway-Path")

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


class Address:
    """The address of an HTTP API, such as http://127.0.0.1:4646, and for TLS the trusted authority and the client certificate."""

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
            # The path is sent as it is written, also if it is not clean.
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
    """Reads a response to its end, or for a time, or up to a number of bytes."""
    kept = connection.sock
    if seconds:
        kept.settimeout(seconds)
    try:
        response = connection.getresponse()
    except socket.timeout:
        # A plain stream sends no head before its first bytes.
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
            # The end of a response whose socket the other side has closed already.
            return body, False
        if not piece:
            return body, False
        body += piece
    return body, True


def frames(text):
    """The concatenated JSON objects of a framed stream, and the rest."""
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
    """The result of `check`, repeated until there is one."""
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
