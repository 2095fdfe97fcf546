"""An exporter on the Python client whose collector makes its metrics at every scrape.

    peer.py PORT FILE

It exports what FILE says, in the text format, and its process.
"""
import sys
import threading

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families

KINDS = {"counter": CounterMetricFamily, "histogram": HistogramMetricFamily}


class Collector:
    def __init__(self, text):
        self.families = []
        for family in text_string_to_metric_families(text):
            if not family.name.startswith("cloudorg_"):
                continue
            rows = {}
            for s in family.samples:
                labels = {k: v for k, v in s.labels.items() if k != "le"}
                row = rows.setdefault(tuple(labels.items()), {"labels": labels, "buckets": []})
                if s.name.endswith("_bucket"):
                    row["buckets"].append((s.labels["le"], s.value))
                elif s.name.endswith("_sum"):
                    row["sum"] = s.value
                else:
                    row["value"] = s.value
            self.families.append((family.type, family.name, family.documentation, list(rows.values())))

    def describe(self):
        return []

    def collect(self):
        for kind, name, documentation, rows in self.families:
            family = KINDS.get(kind, GaugeMetricFamily)(name, documentation, labels=list(rows[0]["labels"]))
            for row in rows:
                values = list(row["labels"].values())
                if kind == "histogram":
                    family.add_metric(values, row["buckets"], row["sum"])
                else:
                    family.add_metric(values, row["value"])
            yield family


with open(sys.argv[2], encoding="utf-8") as f:
    REGISTRY.register(Collector(f.read()))
start_http_server(int(sys.argv[1]), addr="127.0.0.1")
threading.Event().wait()
