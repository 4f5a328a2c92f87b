"""The upstreams, the gateway, nginx and HAProxy, each with the configuration that it is measured with."""

import json
import os
import sys
import time
import urllib.request

import processes
from processes import OTHER_CORES, PROXY_CORE, Process

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 10_000
# So many upstream agents have an address of their own; the other nodes share one.
AGENTS = 1_000
# The node that small requests ask for, and the one with the scripted streams.
TRIVIAL, STREAMS = 4_711, 4_712
GIB = 1 << 30
LOG_SIZE = 256 << 20
# Allocations of the reference agent, of the trivial upstream, and of the scripted one.
ALLOC = "13651909-dd6d-35ce-5da0-5004769668b3"
TRIVIAL_ALLOC = "23651909-dd6d-35ce-5da0-5004769668b3"
SCRIPTED_ALLOC = "33651909-dd6d-35ce-5da0-5004769668b3"
# What the trivial upstream says to everything: 100 bytes.
JSON = '{"ok":true,"padding":"' + "x" * 76 + '"}'


def node_id(number):
    return f"{number * 0x9E3779B9 & 0xFFFFFFFF:08x}-7630-ebf4-b8b8-c11ee8847863"


def agent_address(number):
    return f"127.0.{1 + number // 200}.{1 + number % 200}"


class Bench:
    """A directory for configurations and logs, and everything that listens."""

    def __init__(self, directory, gateway):
        self.directory, self.gateway_program = directory, os.path.abspath(gateway)
        self.trivial_port, self.scripted_port, self.agent_port, *self.ports = processes.free_ports(16)
        self.agent_node = None

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, name, command, port, core=None, env=None):
        log = os.path.join(self.directory, f"{name}.log")
        return Process(name, command, log, port, core, env).ready()

    # Upstreams

    def trivial(self):
        """nginx that answers 100 bytes at 1,001 addresses, and a file of 1 GiB by sendfile."""
        with open(os.path.join(self.directory, "big.bin"), "wb") as file:
            file.truncate(GIB)
        listen = "".join(
            f"listen {agent_address(n)}:{self.trivial_port};" for n in range(AGENTS))
        server = f"""
            server {{
                listen 127.0.0.1:{self.trivial_port} backlog=4096; {listen}
                default_type application/json;
                location / {{ return 200 '{JSON}'; }}
                location /v1/client/fs/cat/ {{ root {self.directory}; try_files /big.bin =404; }}
            }}"""
        return self.nginx("trivial", server, self.trivial_port, OTHER_CORES)

    def scripted(self):
        where = {ALLOC: self.agent_node, TRIVIAL_ALLOC: node_id(TRIVIAL), SCRIPTED_ALLOC: node_id(STREAMS)}
        command = [sys.executable, "-B", f"{HERE}/scripted.py", str(self.scripted_port), json.dumps(where)]
        return self.start("scripted", command, self.scripted_port)

    def agent(self):
        """The reference agent with a file of 1 GiB and a log of 256 MiB."""
        script = (f"truncate -s {GIB} $NOMAD_ALLOC_DIR/data/big.bin; "
                  f"yes 'a line of a log, as long as lines of logs are: some eighty bytes of text, or so' "
                  f"| head -c {LOG_SIZE}; touch $NOMAD_ALLOC_DIR/data/done; exec sleep 3600")
        config = self.write("agent.hcl", f"""
            name = "bench"
            data_dir = "{self.directory}/agent"
            ports {{
              http = {self.agent_port}
            }}
            log_level = "error"
            client {{
              enabled = true
              servers = ["127.0.0.1:{self.scripted_port}"]
            }}
            limits {{
              http_max_conns_per_client = 0
            }}
            allocation "bench" {{
              id = "{ALLOC}"
              task "main" {{
                command = "/bin/sh"
                args = ["-c", "{script}"]
                logs {{
                  max_files = 1
                  max_file_size = 1024
                }}
              }}
            }}""")
        command = [self.gateway_program, "agent", "--config", config]
        process = self.start("agent", command, self.agent_port)
        until = time.monotonic() + 60
        while not self.has_written():
            if time.monotonic() > until:
                raise SystemExit("the reference agent's task does not write its files")
            time.sleep(0.1)
        self.agent_node = self.node_of(self.agent_port)
        return process

    def has_written(self):
        url = f"http://127.0.0.1:{self.agent_port}/v1/client/fs/stat/{ALLOC}?path=alloc/data/done"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return True
        except OSError:
            return False

    @staticmethod
    def node_of(port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/agent/self", timeout=5) as answer:
            return json.load(answer)["stats"]["client"]["node_id"]

    # Proxies

    def gateway(self):
        """With ACLs on, and ten thousand nodes that are written down; tokens are asked of the scripted server."""
        def address(number):
            if number == STREAMS:
                return f"127.0.0.1:{self.scripted_port}"
            host = agent_address(number) if number < AGENTS else "127.0.0.1"
            return f"{host}:{self.trivial_port}"

        nodes = [(f"client-{n:05}", node_id(n), address(n)) for n in range(NODES - 1)]
        nodes.append(("bench", self.agent_node, f"127.0.0.1:{self.agent_port}"))
        return self.gateway_with("gateway", f"""
            region = "global"
            nomad {{
              address = "http://127.0.0.1:{self.scripted_port}"
            }}
            acl {{
              enabled = true
            }}
""" + "".join(
            f'node "{name}" {{\n  id = "{id}"\n  address = "http://{address}"\n}}\n'
            for name, id, address in nodes))

    def gateway_with(self, name, text):
        port = self.ports.pop()
        config = self.write(f"{name}.hcl", f"""
            ports {{
              http = {port}
            }}
            worker_threads = 1
            limits {{
              connections_per_agent = 20000
            }}
            {text}""")
        command = [self.gateway_program, "serve", "--config", config]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NOMAD_")}
        return self.start(name, command, port, PROXY_CORE, clean)

    def nginx_proxy(self, name, upstream, settings=""):
        port = self.ports.pop()
        return self.nginx(name, f"""
            upstream agent {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{ proxy_pass http://agent; {settings} }}
            }}""", port, PROXY_CORE)

    def nginx_fleet(self):
        """nginx that picks one of a thousand upstreams by the node that is asked for."""
        port = self.ports.pop()
        picks = "".join(f"{node_id(n)} agent{n};" for n in range(AGENTS))
        agents = "".join(
            f"upstream agent{n} {{ server {agent_address(n)}:{self.trivial_port}; keepalive 64; "
            "keepalive_requests 1000000000; }" for n in range(AGENTS))
        return self.nginx("nginx-fleet", f"""
            map_hash_bucket_size 128; map_hash_max_size 16384;
            map $arg_node_id $agent {{ {picks} }}
            {agents}
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{ proxy_pass http://$agent; }}
            }}""", port, PROXY_CORE)

    def nginx(self, name, server, port, core):
        config = self.write(f"{name}.conf", f"""
            daemon off; master_process off; worker_processes 1;
            pid {self.directory}/{name}.pid; error_log stderr error;
            events {{ worker_connections 65536; multi_accept on; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; server_tokens off;
                keepalive_requests 1000000000; keepalive_timeout 120s;
                client_body_temp_path {self.directory}/{name}-body; proxy_temp_path {self.directory}/{name}-proxy;
                fastcgi_temp_path {self.directory}/{name}-f; uwsgi_temp_path {self.directory}/{name}-u;
                scgi_temp_path {self.directory}/{name}-s;
                proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
                proxy_read_timeout 600s;
                {server}
            }}""")
        program = next(path for path in ["/usr/sbin/nginx", "nginx"] if "/" not in path or os.path.exists(path))
        return self.start(name, [program, "-c", config, "-e", "stderr"], port, core)

    def haproxy(self, name, upstream, tune=""):
        port = self.ports.pop()
        config = self.write(f"{name}.cfg", f"""
global
    nbthread 1
    maxconn {min(processes.MAX_STREAMS, 20000)}
    {tune}
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    http-reuse always
frontend callers
    bind 127.0.0.1:{port} backlog 4096
    default_backend agents
backend agents
    server agent 127.0.0.1:{upstream} maxconn 20000
""")
        program = "/usr/sbin/haproxy" if os.path.exists("/usr/sbin/haproxy") else "haproxy"
        return self.start(name, [program, "-db", "-f", config], port, PROXY_CORE)

    def wrk_script(self, agents):
        """Asks so many agents in turn."""
        ids = ", ".join(f'"{node_id(n)}"' for n in range(agents))
        return self.write(f"agents-{agents}.lua", f"""
            local ids, requests, next = {{ {ids} }}, {{}}, 0
            function init()
              for i, id in ipairs(ids) do
                requests[i] = wrk.format("GET", "/v1/client/stats?node_id=" .. id)
              end
            end
            function request()
              next = next % #requests + 1
              return requests[next]
            end""")
