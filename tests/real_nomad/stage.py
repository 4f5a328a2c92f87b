"""The fixture of the parts in faults: a cluster with ACLs, jobs of its own, gateways in front of it, and a list of faults."""

import threading

import config
from cluster import Cluster
from wire import wait_for
from world import TICKS, World, job, task

# Ends twenty seconds after the signal, and not before.
STUBBORN = 'trap "" INT TERM; while :; do sleep 0.5; done'
KILL_TIMEOUT = 20

AGENTS = ["server1", "server2", "server3", "client1", "client2", "client3"]


class Checks:
    """The checks, one line each; `wrong` has the failed ones."""

    def __init__(self, part):
        self.part, self.wrong = part, []

    def that(self, name, is_right, got):
        print(f"{self.part} {name}: {'right' if is_right else 'WRONG'}: {str(got)[:120]}")
        if not is_right:
            self.wrong.append(f"{self.part}: {name}: {str(got)[:400]}")

    def equal(self, name, got, expected):
        self.that(name, got == expected, got if got == expected else f"{got}, not {expected}")


class Stage:
    """The second client advertises an address that cannot be resolved, so calls to it go through a server."""

    def __init__(self, programs, folder, base):
        self.folder, self.base = folder, base
        self.cluster = Cluster(programs, folder, base, AGENTS, advertised={"client2": "nowhere.invalid"})
        self.next_port = base + 60
        self.world = None

    def start(self):
        self.cluster.start()
        self.world = World(self.cluster)
        self.world.make_tokens()
        for one in jobs():
            self.cluster.api("PUT", "/v1/jobs", {"Job": one})
        for one in jobs():
            self.world.ids[one["ID"]] = wait_for(f"an allocation of {one['ID']}", lambda: self.world.allocation(one))["ID"]
        self.world.name_servers()
        self.gateway = self.front("gateway")

    def front(self, name, more="", token=None, context=None):
        """One more gateway. `context`: the authority its clients trust, if it speaks TLS."""
        self.next_port += 1
        text = config.gateway(self.cluster, self.next_port, more, token)
        return self.cluster.front(name, text, self.next_port, context)

    def stop(self):
        self.cluster.stop()

    def named(self, text):
        return self.world.named(text)

    def token(self, name):
        return self.world.tokens[name]


def jobs():
    stubborn = task(STUBBORN, KillTimeout=KILL_TIMEOUT * 1_000_000_000)
    return [
        job("ticks", "client1", [task(TICKS)]), job("ticks2", "client2", [task(TICKS)]),
        job("stubborn", "client1", [stubborn]), job("stubborn2", "client2", [stubborn]),
    ]


def at_once(calls):
    """The results of the calls, all of them made at the same time. One that raises results in its error."""
    came = [None] * len(calls)

    def make(at, call):
        try:
            came[at] = call()
        except Exception as error:  # what a caller would see
            came[at] = error
    threads = [threading.Thread(target=make, args=(at, call), daemon=True) for at, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came
