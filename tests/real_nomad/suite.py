"""python-nomad's own tests, unmodified from its source at PyPI, at a single agent and through a gateway in front of it.

The agent is server and client in one with ACLs on, as `nomad agent -dev -acl-enabled`, and the gateway has no token: the
tests make the first one. Each time the agent is new, and what passes without the gateway must pass with it.
"""

import os
import re
import subprocess
import sys
import tarfile

import config
from cluster import Cluster
from stage import at_once
from wire import wait_for

# The tests require this node, and a server at port 4647 of the given address.
NODE, PORT = "pynomad1", 4646
SOURCE, TOOLS = "python-nomad==2.1.0", ("pytest==8.4.2", "responses", "mock", "flaky", "setuptools", "wheel")
# These dial an external address, and expect that it does not respond.
LEFT_OUT = "not connection_error and not not_requests_response_object"

COMMON = """
import os
IP = os.environ["SUITE_IP"]
NOMAD_PORT = int(os.environ["SUITE_PORT"])
NOMAD_TOKEN = None
NOMAD_NAMESPACE = "admin"
"""
FIXTURES = """
import time

import nomad
import pytest
import tests.common as common

TRIED = set()


@pytest.fixture(autouse=True)
def again_a_moment_later(request):
    # The tests expect allocations at once that a slow machine starts later.
    if request.node.nodeid in TRIED:
        time.sleep(1.5)
    TRIED.add(request.node.nodeid)


@pytest.fixture
def nomad_setup():
    return nomad.Nomad(host=common.IP, port=common.NOMAD_PORT, verify=False, token=common.NOMAD_TOKEN)


@pytest.fixture
def nomad_setup_with_namespace():
    return nomad.Nomad(host=common.IP, port=common.NOMAD_PORT, verify=False, token=common.NOMAD_TOKEN,
                       namespace=common.NOMAD_NAMESPACE)
"""
EXAMPLE = """
job "example" {
  type = "service"
  group "cache" {
    update {
      min_healthy_time = "1s"
      healthy_deadline = "20s"
    }
    task "redis" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "trap : USR1; while :; do sleep 0.2; done"]
      }
      kill_timeout = "1s"
      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
"""
BATCH = """
job "example-batch" {
  type = "batch"
  parameterized {
    meta_required = ["time"]
  }
  group "g" {
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
"""


def run(programs, folder, checks):
    python = tools()
    sides = {"agent": "127.77.0.1", "gateway": "127.77.0.2"}
    for side in sides:
        os.makedirs(f"{folder}/{side}")
    one, two = at_once([lambda side=side, host=host: one_side(programs, f"{folder}/{side}", python, host, side == "gateway")
                        for side, host in sides.items()])
    passed = [name for name, outcome in one.items() if outcome == "PASSED"]
    lost = [name for name in passed if two.get(name) != "PASSED"]
    checks.that("python-nomad's tests at the agent", len(passed) > 200, f"{len(passed)} of {len(one)} pass")
    checks.that("python-nomad's tests through the gateway", not lost, lost or f"{len(passed)} pass as without it")


def tools():
    """An environment below target/, made once."""
    root = os.path.abspath(f"{os.environ.get('CARGO_TARGET_DIR') or 'target'}/python-nomad-suite")
    python = f"{root}/bin/python"
    if not os.path.exists(f"{root}/source"):
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", SOURCE, *TOOLS], check=True)
        subprocess.run([*pip, "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", f"{root}/source",
                        SOURCE], check=True)
    return python


def one_side(programs, folder, python, host, is_behind):
    """Outcomes by test, at a new agent."""
    cluster = Cluster(programs, folder, PORT, [NODE], host=host, both=[NODE])
    try:
        cluster.start_agent(NODE)
        wait_for("an agent", lambda: len(cluster.server.ask("GET", "/v1/status/leader").json()) > 3)
        wait_for("a client", lambda: "node registration complete" in written(f"{folder}/{NODE}.log"))
        at = cluster.server
        if is_behind:
            at = cluster.front("gateway", config.gateway(cluster, PORT + 100), PORT + 100)
        unpack(cluster, folder, python)
        env = {"PATH": os.environ["PATH"], "HOME": folder, "NOMAD_VERSION": "2.0.5", "SUITE_IP": at.host,
               "SUITE_PORT": str(at.port)}
        words = [python, "-B", "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider", "-k", LEFT_OUT, "--force-flaky",
                 "--max-runs=4", "--no-flaky-report", "tests"]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
        with open(f"{folder}/pytest.log", "w") as log:
            log.write(done.stdout + done.stderr)
        # Of a repeated test the last outcome counts.
        return dict(re.findall(r"^(tests/\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)", done.stdout, re.M))
    finally:
        cluster.stop()


def written(path):
    with open(path, errors="replace") as file:
        return file.read()


def unpack(cluster, folder, python):
    """The tests, and their dependencies."""
    source = os.path.join(os.path.dirname(os.path.dirname(python)), "source")
    with tarfile.open(os.path.join(source, os.listdir(source)[0])) as archive:
        for member in archive.getmembers():
            name = member.name.split("/", 1)[-1]
            if name.startswith("tests/") and member.isfile():
                member.name = name
                archive.extract(member, folder)
    for name, text in (("tests/__init__.py", ""), ("tests/common.py", COMMON), ("tests/conftest.py", FIXTURES),
                       ("example.nomad", EXAMPLE), ("example_batch_parameterized.nomad", BATCH)):
        with open(f"{folder}/{name}", "w") as file:
            file.write(text)
    for name in ("example", "example_batch_parameterized"):
        words = [cluster.nomad, "job", "run", "-output", f"{name}.nomad"]
        made = subprocess.run(words, cwd=folder, capture_output=True, check=True)
        with open(f"{folder}/{name}.json", "wb") as file:
            file.write(made.stdout)
