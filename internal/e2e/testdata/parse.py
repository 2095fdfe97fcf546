"""Parses an exposition with prometheus_client and writes it as JSON.

usage: parse.py classic|openmetrics < exposition
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

parse = {"classic": classic, "openmetrics": openmetrics}[sys.argv[1]]
families = list(parse(sys.stdin.buffer.read().decode("utf-8")))
json.dump(
    {
        "families": [{"name": f.name, "type": f.type, "help": f.documentation} for f in families],
        "samples": [{"name": s.name, "labels": s.labels, "value": repr(float(s.value))} for f in families for s in f.samples],
    },
    sys.stdout,
)
