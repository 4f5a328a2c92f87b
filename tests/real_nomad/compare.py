"""One call at a server and through the gateway, and the differences between the responses."""

import json
import re
from dataclasses import dataclass, field

from call import Call
from wire import Answer, frames

# Headers whose value is compared, and those of which only the presence is.
VALUES = ("Content-Type", "Content-Encoding", "Content-Security-Policy", "X-Content-Type-Options", "X-Xss-Protection",
          "Location", "Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
          "Access-Control-Allow-Credentials", "X-Nomad-KnownLeader", "X-Nomad-NextToken", "Www-Authenticate", "Cache-Control",
          "Allow", "Content-Disposition")
PRESENT = ("X-Nomad-Index", "X-Nomad-LastContact")

# Keys whose values change by themselves.
MOVING = {
    "Timestamp", "Uptime", "uptime", "Date", "LastContact", "last_contact", "LastHeartbeat", "StatusUpdatedAt", "ModTime",
    "LastIndex", "LastTerm", "Disk", "LoadAvg", "BootTime", "Allocations", "unique.storage.bytesfree", "LastSeen",
    "iat", "exp", "nbf", "jti", "Process", "procs", "LastContinuous", "StableSince", "NodeEvents", "Events", "RequestTime",
    "EvalID", "CreateTime", "DeviceStats", "Processes", "Memory", "SubmitTime", "Load", "UpdatedAt",
}

# Lists without an order.
UNORDERED = {"Members", "Servers", "enabled_schedulers"}


@dataclass
class Pair:
    """Both responses to one call with one token, and the aspects in which they differ."""

    call: Call
    token: str
    path: str
    server: Answer
    gateway: Answer
    aspects: dict = field(default_factory=dict)

    @property
    def name(self):
        return f"{self.call.name} [{self.token}]"

    def say(self):
        parts = [f"{aspect}: {one!r:.300} | gateway {two!r:.300}" for aspect, (one, two) in self.aspects.items()]
        return f"{self.name} (by {self.gateway.way or 'itself'}): " + "; ".join(parts)


def both(world, gateway, call, token):
    path, secret = world.named(call.path), world.tokens[token]
    body = call.body
    more = {"headers": call.headers, "seconds": call.seconds}
    answers = [at.ask(call.method, path, secret, body, **more) for at in (world.cluster.server, gateway)]
    pair = Pair(call, token, path, *answers)
    pair.aspects = aspects(pair)
    return pair


def aspects(pair):
    one, two, found = pair.server, pair.gateway, {}

    def look(name, left, right):
        if left != right:
            found[name] = (left, right)

    look("status", one.status, two.status)
    for name in VALUES:
        left, right = one.header(name), two.header(name)
        if name == "Vary":
            left, right = words(left), words(right)
        if name == "Cache-Control":
            left, right = (re.sub(r"\d+", "N", one) for one in (left, right))
        look(name, left, right)
    for name in PRESENT:
        look(name, bool(one.header(name)), bool(two.header(name)))
    look("end", one.is_cut, two.is_cut)
    look("body", told(pair.call, one), told(pair.call, two))
    if two.status and two.status < 400 and pair.call.way != two.way:
        found["way"] = (pair.call.way, two.way)
    return found


def words(text):
    return sorted({word.strip() for word in text.split(",")} - {""})


def told(call, answer):
    """The body in the form that is compared."""
    if answer.status >= 400:
        return fault(answer)
    if call.looks == "none" or answer.header("Content-Encoding"):
        return bool(answer.body)
    if call.looks == "head":
        return answer.body[:1]
    if call.seconds:
        return streamed(answer.text)
    try:
        value = json.loads(answer.body)
    except ValueError:
        return streamed(answer.text)
    return shape(value) if call.looks == "shape" else masked(value)


def fault(answer):
    """An error's text, without the prefix that each relaying server adds."""
    return re.sub(r"^(rpc error: )+", "", answer.text)


def streamed(text):
    """Frames as the bytes of each file, without heartbeats; anything else as it is."""
    found, rest = frames(text)
    if not found:
        return text
    joined = {}
    for frame in found:
        if isinstance(frame, dict) and frame:
            name = frame.get("File", "")
            joined[name] = joined.get(name, "") + str(frame.get("Data", ""))
    return joined, rest


def masked(value, key=None):
    if isinstance(value, dict):
        # Each server sends its own name.
        if "ServerName" in value and "Members" in value:
            value = {**value, "ServerName": ""}
        return {key: "moving" if key in MOVING else masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        inner = [masked(one) for one in value]
        return sorted(inner, key=str) if key in UNORDERED else inner
    return value


def shape(value):
    """Keys and types. Of a list, the shapes that occur in it; of a map whose keys are names, one of its values."""
    if isinstance(value, dict):
        return {("pid" if key.isdigit() else key): shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(inner), sort_keys=True) for inner in value})
    return type(value).__name__ if not isinstance(value, (int, float)) else "number"
