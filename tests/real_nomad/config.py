"""Configurations of agents and of gateways."""


def agent(cluster, name):
    text = f"""
name       = "{name}"
data_dir   = "{cluster.folder}/{name}/data"
bind_addr  = "127.0.0.1"
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
  http = "127.0.0.1:{cluster.port(name)}"
  rpc  = "127.0.0.1:{cluster.port(name, 1)}"
  serf = "127.0.0.1:{cluster.port(name, 2)}"
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
    text += server(cluster) if name.startswith("server") else client(cluster, name)
    if cluster.tls:
        text += cluster.tls.agent_block("server" if name.startswith("server") else "client")
    return text


def server(cluster):
    join = ", ".join(f'"127.0.0.1:{cluster.port(name, 2)}"' for name in cluster.servers)
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
    servers = ", ".join(f'"127.0.0.1:{cluster.port(one, 1)}"' for one in cluster.servers)
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


def gateway(cluster, port, more=""):
    """In front of all servers; `more` is what else stands in the file."""
    servers = "\n".join(f'  {name} = "{cluster.at(cluster.port(name)).url}"' for name in cluster.servers)
    token = f'token = "{cluster.management}"' if cluster.management else ""
    tls = cluster.tls.gateway_blocks() if cluster.tls else ("", "")
    return f"""
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
