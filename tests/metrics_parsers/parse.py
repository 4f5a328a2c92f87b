"""Both parsers of prometheus_client read the gateway's metrics, see the same families, and know their types."""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

WANTED = {
    "nomad_gateway_requests": "counter",
    "nomad_gateway_request_duration_seconds": "histogram",
    "nomad_gateway_streams_open": "gauge",
    "nomad_gateway_response_bytes": "counter",
    "nomad_gateway_log_lines_lost": "counter",
}


def read(parser, file):
    families = list(parser(open(file, encoding="utf-8").read()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), f"a family twice: {names}"
    for family in families:
        assert family.type not in ("unknown", "untyped"), f"{family.name} has no kind"
        assert family.documentation, f"{family.name} says nothing"
    kinds = {family.name: family.type for family in families}
    for name, kind in WANTED.items():
        assert kinds.get(name) == kind, f"{name} is {kinds.get(name)}, not {kind}"
    return {sample.name for family in families for sample in family.samples}


one, two = read(text, sys.argv[1]), read(openmetrics, sys.argv[2])
assert one == two, f"only one of both has {one ^ two}"
print(f"Python: both parsers read {len(one)} names")
