"""A header or a parameter that is repeated with one value is taken once; with two values it is refused.

HashiCorp's Java SDK sends every write so. Two different values could be read differently by two readers.
"""

import socket


def run(stage, checks):
    token, other = stage.token("mgmt"), stage.token("agent-read")
    node = stage.world.ids["node1"]
    leave = "PUT", "/v1/agent/force-leave?node=nobody"
    stats = f"/v1/client/stats?node_id={node}"
    rows = [
        ("the same token twice", *leave, [f"X-Nomad-Token: {token}"] * 2, 200),
        ("a token and an empty one", *leave, [f"X-Nomad-Token: {token}", "X-Nomad-Token:"], 200),
        ("two tokens", *leave, [f"X-Nomad-Token: {token}", f"X-Nomad-Token: {other}"], 400),
        ("the same token twice at a client", "GET", stats, [f"X-Nomad-Token: {token}"] * 2, 200),
        ("the same token twice at a server", "GET", "/v1/jobs", [f"X-Nomad-Token: {token}"] * 2, 200),
        ("the same node twice", "GET", f"{stats}&node_id={node}", [f"X-Nomad-Token: {token}"], 200),
        ("two nodes", "GET", f"{stats}&node_id={stage.world.ids['node2']}", [f"X-Nomad-Token: {token}"], 400),
        ("the same region twice", "GET", f"{stats}&region=global&region=global", [f"X-Nomad-Token: {token}"], 200),
        ("two regions", "GET", f"{stats}&region=global&region=east", [f"X-Nomad-Token: {token}"], 400),
        ("two regions of metrics", "GET", "/v1/metrics?region=global&region=east", [f"X-Nomad-Token: {token}"], 400),
        ("two regions of an allocation", "GET", stage.named("/v1/client/fs/ls/{ticks}?path=/&region=global&region=east"),
         [f"X-Nomad-Token: {token}"], 400),
        *((f"Authorization: {scheme!r}", "GET", stats, [f"Authorization: {scheme}{token}"], 200)
          for scheme in ("Bearer ", "bearer  ", "Bearer   ", "BEARER ")),
        ("Authorization with words after the token", "GET", stats, [f"Authorization: Bearer {token} x"], None),
        ("another scheme", "GET", stats, [f"Authorization: Basic {token}"], None),
    ]
    for name, method, path, headers, expected in rows:
        if expected is None:
            # Whatever a server says.
            expected = status(stage.cluster.server, method, path, headers)
        checks.equal(name, status(stage.gateway, method, path, headers), expected)


def status(at, method, path, headers):
    """Headers go out as they are written, one by one."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", "Content-Length: 0", "Connection: close", *headers]
    with socket.create_connection((at.host, at.port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = connection.recv(4096)
    return int(head.split()[1]) if head else 0
