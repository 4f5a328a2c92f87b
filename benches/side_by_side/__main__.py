"""The plan: which cases there are, who is measured in each, and in which order.

Every repetition asks everybody in turn before the next one begins, so that a slow moment of the machine hits all alike.
"""

import argparse
import shutil
import tempfile

import load
import nomad
import processes
import report
from proxies import AGENTS, ALLOC, GIB, LOG_SIZE, SCRIPTED_ALLOC, TRIVIAL, TRIVIAL_ALLOC, Bench, node_id

CASES = ["small", "agent", "bulk", "logs", "latency", "idle", "growth", "nomad"]
BIG_BUFFERS = "proxy_buffers 16 256k; proxy_buffer_size 256k; proxy_busy_buffers_size 512k;"
UNBUFFERED = "proxy_buffering off;"
BIG_TUNE = "tune.bufsize 262144"


def arguments():
    parser = argparse.ArgumentParser(prog="benches/side_by_side.sh")
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--repetitions", type=int, default=None)
    parser.add_argument("--markdown")
    parser.add_argument("--plot")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    args.only = args.only.split(",")
    if unknown := set(args.only) - set(CASES):
        parser.error(f"unknown cases: {', '.join(sorted(unknown))}")
    args.repetitions = args.repetitions or (1 if args.quick else 5)
    return args


class Run:
    def __init__(self, args, bench, sheet):
        self.args, self.bench, self.sheet = args, bench, sheet
        self.seconds = 1 if args.quick else 4
        self.reference = bench.agent()
        self.upstream = bench.trivial()
        self.scripted = bench.scripted()
        self.gateway = bench.gateway()

    def each(self, case, subjects, measure, repetitions=None):
        """Measures all subjects in turn, several times. A subject is a name and what `measure` is called with."""
        for _ in range(repetitions or self.args.repetitions):
            for name, subject in subjects:
                self.sheet.add(case, name, measure(*subject))
        self.sheet.show(case)

    def small(self):
        nginx = self.bench.nginx_proxy("nginx", self.bench.trivial_port)
        haproxy = self.bench.haproxy("haproxy", self.bench.trivial_port)
        path = f"/v1/client/stats?node_id={node_id(TRIVIAL)}"
        everybody = [
            ("gateway", (self.gateway, (self.gateway.port, path))),
            ("nginx", (nginx, (nginx.port, path))),
            ("haproxy", (haproxy, (haproxy.port, path))),
            ("direct", (None, (self.upstream.port, path))),
        ]
        rest = lambda process: {"RSS MiB": process.memory() / (1 << 20)}
        measure = lambda process, target: load.small(process, target, self.seconds)
        self.each("100 bytes of JSON, trivial upstream, 32 connections", everybody, measure)
        self.each("Memory after that, at rest", [(n, (s[0],)) for n, s in everybody[:3]], rest, 1)
        self.end([("nginx", nginx), ("haproxy", haproxy)])

    def agent(self):
        nginx = self.bench.nginx_proxy("nginx-agent", self.bench.agent_port)
        haproxy = self.bench.haproxy("haproxy-agent", self.bench.agent_port)
        path = f"/v1/client/stats?node_id={self.bench.agent_node}"
        measure = lambda process, target: load.small(process, target, self.seconds)
        self.each("client/stats of the reference agent, 32 connections", [
            ("gateway", (self.gateway, (self.gateway.port, path))),
            ("nginx", (nginx, (nginx.port, path))),
            ("haproxy", (haproxy, (haproxy.port, path))),
            ("direct", (None, (self.reference.port, path))),
        ], measure)
        self.end([("nginx", nginx), ("haproxy", haproxy)])

    def everybody(self, upstream, path):
        """All proxies in front of one upstream, with the settings that suit large bodies as well."""
        made = [
            ("nginx", self.bench.nginx_proxy("nginx-1", upstream)),
            ("nginx 256k", self.bench.nginx_proxy("nginx-2", upstream, BIG_BUFFERS)),
            ("haproxy", self.bench.haproxy("haproxy-1", upstream)),
            ("haproxy 256k", self.bench.haproxy("haproxy-2", upstream, BIG_TUNE)),
        ]
        subjects = [("gateway", (self.gateway, (self.gateway.port, path)))]
        subjects += [(name, (process, (process.port, path))) for name, process in made]
        return made, [*subjects, ("direct", (None, (upstream, path)))]

    def bodies(self, case, upstream, path, least):
        made, subjects = self.everybody(upstream, path)
        # Whoever reads a file first waits for it to come into memory.
        load.one_body((upstream, path), least)
        self.each(case, subjects, lambda process, target: load.body(process, target, least))
        self.end(made)

    def end(self, made):
        for _, process in made:
            process.end()
            self.bench.ports.append(process.port)

    def bulk(self):
        path = "/v1/client/fs/cat/{}?path=alloc/data/big.bin"
        self.bodies("1 GiB, sendfile upstream", self.upstream.port, path.format(TRIVIAL_ALLOC), GIB)
        self.bodies("1 GiB, reference agent", self.reference.port, path.format(ALLOC), GIB)

    def logs(self):
        path = f"/v1/client/fs/logs/{ALLOC}?task=main&type=stdout&origin=start&follow=false"
        self.bodies("log of 256 MiB, framed, reference agent", self.reference.port, path, LOG_SIZE)
        self.bodies("log of 256 MiB, plain, reference agent", self.reference.port, f"{path}&plain=true", LOG_SIZE)

    def streamers(self):
        """Those who can pass streams on as they come, fresh, so that their memory is theirs."""
        return [
            ("gateway", self.bench.gateway()),
            ("nginx", self.bench.nginx_proxy("nginx-3", self.bench.scripted_port, UNBUFFERED)),
            ("haproxy", self.bench.haproxy("haproxy-3", self.bench.scripted_port)),
        ]

    def latency(self):
        made = self.streamers()
        path = f"/v1/client/fs/logs/{SCRIPTED_ALLOC}?task=busy&type=stdout&follow=true"
        subjects = [(name, ((process.port, path),)) for name, process in made]
        subjects.append(("direct", ((self.bench.scripted_port, path),)))
        load.stream(subjects[0][1][0])
        self.each("A stream with a frame every 5 ms", subjects, load.stream)
        self.end(made)

    def idle(self):
        path = f"/v1/client/fs/logs/{SCRIPTED_ALLOC}?task=idle&type=stdout&follow=true"
        for count, repetitions in [(1_000, self.args.repetitions), (min(10_000, processes.MAX_STREAMS), 1)]:
            for _ in range(min(repetitions, 3)):
                made = self.streamers()
                measure = lambda process: load.idle(process, (process.port, path), count, 2 * self.seconds)
                for name, process in made:
                    self.sheet.add(f"{count:,} idle follow streams", name, measure(process))
                self.end(made)
            self.sheet.show(f"{count:,} idle follow streams")

    def growth(self):
        nginx = self.bench.nginx_fleet()
        path = f"/v1/client/stats?node_id={node_id(TRIVIAL)}"
        repetitions = min(self.args.repetitions, 3)
        for agents in [1, 10, 100, AGENTS]:
            script = self.bench.wrk_script(agents)
            measure = lambda process: load.small(process, (process.port, "/"), self.seconds / 2, 32, script)
            self.each(report.GROWTH["upstream agents"].format(agents),
                      [("gateway", (self.gateway,)), ("nginx", (nginx,))], measure, repetitions)
        script = self.bench.wrk_script(10)
        for connections in [1, 10, 100, 1_000]:
            measure = lambda process: load.small(
                process, (process.port, path), self.seconds / 2, connections, script)
            self.each(report.GROWTH["connections"].format(connections),
                      [("gateway", (self.gateway,)), ("nginx", (nginx,))], measure, repetitions)
        self.end([("nginx", nginx)])

    def nomad(self):
        nomad.measure(self)


def main():
    args = arguments()
    directory = tempfile.mkdtemp(prefix="side-by-side-")
    sheet = report.Sheet(args)
    try:
        run = Run(args, Bench(directory, args.gateway), sheet)
        for case in args.only:
            getattr(run, case)()
        sheet.finish()
    finally:
        processes.end_all()
        if args.keep:
            print(f"configurations and logs are in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


main()
