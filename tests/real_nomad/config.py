"""Configurations of agents and of gateways."""


def agent(cluster, name):
    text = f"""
name       = "{name}"
region     = "{cluster.region}"
data_dir   = "{cluster.folder}/{name}/data"
bind_addr  = "{cluster.host}"
log_level  = "INFO"
log_file   = "{cluster.folder}/{name}/nomad.log"
disable_update_check = true
leave_on_interrupt   = false
leave_on_terminate   = false
ports {{
  http = {cluster.port(name)}
  rpc  = {cluster.port(name, 1)}
  serf = {cluster.port(name, 2)}
}}
advertise {{
  http = "{cluster.advertised.get(name, cluster.host)}:{cluster.port(name)}"
  rpc  = "{cluster.host}:{cluster.port(name, 1)}"
  serf = "{cluster.host}:{cluster.port(name, 2)}"
}}
acl {{
  enabled                  = {"true" if cluster.has_acl else "false"}
  token_min_expiration_ttl = "1s"
}}
consul {{
  auto_advertise   = false
  server_auto_join = false
  client_auto_join = false
}}
"""
    text += server(cluster) if name in cluster.servers else ""
    text += client(cluster, name) if name in cluster.clients else ""
    if cluster.tls:
        text += cluster.tls.agent_block("server" if name.startswith("server") else "client")
    return text


def server(cluster):
    join = ", ".join(f'"{cluster.host}:{cluster.port(name, 2)}"' for name in cluster.servers)
    return f"""
server {{
  enabled           = true
  bootstrap_expect  = {len(cluster.servers)}
  heartbeat_grace   = "5s"
  min_heartbeat_ttl = "4s"
  server_join {{
    retry_join     = [{join}]
    retry_interval = "1s"
  }}
}}
"""


def client(cluster, name):
    servers = ", ".join(f'"{cluster.host}:{cluster.port(one, 1)}"' for one in cluster.servers)
    return f"""
client {{
  enabled           = true
  servers           = [{servers}]
  network_interface = "lo"
  cpu_total_compute = 20000
  memory_total_mb   = 8192
  meta {{
    role = "{name}"
  }}
  options {{
    "driver.allowlist"     = "raw_exec"
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault,cni,bridge"
  }}
}}
plugin "raw_exec" {{
  config {{
    enabled = true
  }}
}}
"""


def gateway(cluster, port, more="", token=None):
    """In front of all servers; `more` is added to the file. `token`: its own, when not the management token."""
    servers = "\n".join(f'  {name} = "{cluster.at(cluster.port(name)).url}"' for name in cluster.servers)
    token = cluster.management if token is None else token
    token = f'token = "{token}"' if token else ""
    tls = cluster.tls.gateway_blocks() if cluster.tls else ("", "")
    return f"""
bind_addr = "{cluster.host}"
ports {{
  http = {port}
}}
nomad {{
  {token}
{tls[0]}}}
servers {{
{servers}
}}
{tls[1]}{more}
"""


def lost_way(cluster, name):
    """A wrong address for a node: calls to it must be relayed."""
    return f'node "{name}" {{\n  id      = "{cluster.nodes[name]}"\n  address = "http://127.0.0.1:1"\n}}\n'
