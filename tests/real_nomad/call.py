"""One call of the tables."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """A request whose path has symbols (`{node1}`), made with each of the tokens at a server and through the gateway.

    `way`: the path that a response other than a refusal must have. `looks`: how a body is compared: `json` (values,
    except those that change by themselves), `shape` (keys and types), `head` (its first bytes), `none`.
    `seconds`: how long a stream is read.
    """

    path: str
    way: str = "pass"
    tokens: tuple = ("mgmt",)
    method: str = "GET"
    body: object = None
    headers: dict = field(default_factory=dict)
    looks: str = "json"
    seconds: float = 0

    @property
    def name(self):
        return f"{self.method} {self.path}"

    @property
    def is_agents(self):
        """Whether the call belongs to an agent, so that the gateway authorizes it."""
        return self.path.startswith(("/v1/agent/", "/v1/client/"))


# Every kind of token that can lack a capability.
ALL = ("mgmt", "none", "bogus", "malformed", "deleted", "expired", "agent-read", "agent-write", "node-read", "node-write",
       "operator", "logs", "fs", "ns-read", "ns-write", "other", "read", "deny", "workload")
SOME = ("mgmt", "none", "bogus", "agent-read", "node-read", "ns-read", "deny")
FEW = ("mgmt", "none", "bogus")
