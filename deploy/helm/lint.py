#!/usr/bin/env python3
"""Renders the chart with every list of values and reads the objects as strictly
as kustomize does: a repeated key is an error. Beyond that, of each object:
repeated flags, variables, volumes, mounts, ports and containers; names that
Kubernetes refuses; selectors that select nothing; monitors that the operator
ignores. Last, the chart is rendered as a dependency, copied alone, with odd
release names, and with each value set to null.

Usage: lint.py [VALUES.yaml ...]      default: cloudorg-exporter/ci/*-values.yaml; needs helm in PATH
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

CHART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cloudorg-exporter")
KUBE = "1.36.3"
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


class Strict(yaml.SafeLoader):
    """A loader that refuses a repeated key."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"repeated key {name!r}", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def render(*args, chart=CHART, release="t"):
    """Returns the rendered text, or None and the error."""
    run = subprocess.run(["helm", "template", release, chart, "--namespace", "monitoring", "--kube-version", KUBE, *args],
                         capture_output=True, text=True, check=False)
    return (run.stdout, "") if run.returncode == 0 else (None, "\n".join(x for x in run.stderr.splitlines() if "walk.go" not in x))


def repeated(what, names):
    names = list(names)
    for n in sorted({n for n in names if names.count(n) > 1}):
        yield f"{what} {n} is repeated"


def seconds(text):
    return sum(int(n) * SECONDS[u] for n, u in re.findall(r"(\d+)(ms|[smhdwy])", text))


def pod(spec):
    """Yields what is wrong with a pod's spec."""
    containers = spec.get("containers", []) + spec.get("initContainers", [])
    volumes = [v["name"] for v in spec.get("volumes", [])]
    yield from repeated("volume", volumes)
    yield from repeated("container", (c["name"] for c in containers))
    yield from repeated("port", (p["name"] for c in containers for p in c.get("ports", [])))
    for c in containers:
        flags = [re.sub(r"=.*", "", a) for a in c.get("args", []) if a.startswith("--")]
        yield from repeated("flag", flags)
        yield from repeated("variable", (e["name"] for e in c.get("env", [])))
        yield from repeated("mount", (m["mountPath"] for m in c.get("volumeMounts", [])))
        claims = spec.get("claims", [])
        for m in c.get("volumeMounts", []):
            if m["name"] not in volumes + claims:
                yield f"mount {m['mountPath']}: there is no volume {m['name']}"
        paths = [m["mountPath"] for m in c.get("volumeMounts", [])]
        for inner in paths:
            for outer in paths:
                if inner.startswith(outer + "/"):
                    yield f"mount {inner} lies in {outer}"


def faults(text):
    """Yields what is wrong with rendered objects."""
    try:
        objects = [o for o in yaml.load_all(text, Strict) if o]
    except yaml.YAMLError as err:
        yield str(err)
        return
    yield from repeated("object", (f"{o['kind']} {o['metadata'].get('namespace', '')} {o['metadata']['name']}" for o in objects))
    pods = []
    for o in objects:
        kind, name, spec = o["kind"], o["metadata"]["name"], o.get("spec", {})
        where = f"{kind} {name}: "
        if not (LABEL if kind == "Service" else SUBDOMAIN).match(name):
            yield where + "Kubernetes refuses the name"
        for key, value in o["metadata"].get("labels", {}).items():
            if not isinstance(value, str) or not re.match(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$", value):
                yield where + f"label {key}={value!r}"
        if kind in ("Deployment", "StatefulSet"):
            template = spec["template"]
            pods.append(template["metadata"]["labels"])
            claims = [c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", [])]
            yield from (where + f for f in pod({**template["spec"], "claims": claims}))
            if spec["selector"]["matchLabels"].items() - template["metadata"]["labels"].items():
                yield where + "the selector does not select the pods"
        if kind in ("ServiceMonitor", "PodMonitor", "ScrapeConfig"):
            for e in spec.get("endpoints", spec.get("podMetricsEndpoints", [spec])):
                interval, timeout = e.get("interval", e.get("scrapeInterval")), e.get("scrapeTimeout")
                if interval and timeout and seconds(timeout) > seconds(interval):
                    yield where + f"scrapeTimeout {timeout} is longer than interval {interval}"
    services = [o["metadata"]["labels"] for o in objects if o["kind"] == "Service"]
    for o in objects:
        spec, of = o.get("spec", {}), pods
        if o["kind"] == "Service":
            selector = spec["selector"]
        elif o["kind"] in ("ServiceMonitor", "PodMonitor", "PodDisruptionBudget"):
            selector, of = spec["selector"]["matchLabels"], services if o["kind"] == "ServiceMonitor" else pods
        else:
            continue
        if not any(selector.items() <= labels.items() for labels in of):
            yield f"{o['kind']} {o['metadata']['name']}: selects nothing"


failed = count = 0


def check(what, text, err="", may=None):
    """Counts a rendering. may: a pattern of the only errors that are allowed."""
    global failed, count
    count += 1
    if text is None:
        if may is None or not re.search(may, err):
            failed += 1
            print(f"{what}: {err}", file=sys.stderr)
        return
    for fault in faults(text):
        failed += 1
        print(f"{what}: {fault}", file=sys.stderr)


def main():
    sets = sys.argv[1:] or sorted(glob.glob(CHART + "/ci/*-values.yaml"))
    for values in sets:
        check(os.path.basename(values), *render("-f", values))
    if sys.argv[1:]:
        return
    for release in ("my.release", "1exporter", "plain", "a" * 53, "cloudorg-exporter"):
        check("release " + release, *render("--set", "demo=true,serviceMonitor.enabled=true", release=release))
    with open(CHART + "/values.yaml", encoding="utf-8") as f:
        names = list(yaml.load(f, Strict))
    for name in names:
        for values in ("created-keys", "shards"):
            check(f"{values}, {name}=null", *render("-f", f"{CHART}/ci/{values}-values.yaml", "--set", name + "=null"),
                  may=r"missing propert|nothing to export|got null")
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copytree(CHART, tmp + "/cloudorg-exporter")  # follows the links of files/
        check("copied alone", *render("-f", CHART + "/ci/everything-values.yaml", chart=tmp + "/cloudorg-exporter"))
        os.makedirs(tmp + "/umbrella/charts")
        shutil.move(tmp + "/cloudorg-exporter", tmp + "/umbrella/charts/cloudorg-exporter")
        for alias in ("", "members"):
            with open(tmp + "/umbrella/Chart.yaml", "w", encoding="utf-8") as f:
                yaml.safe_dump({"apiVersion": "v2", "name": "umbrella", "version": "0.1.0", "dependencies": [
                    {"name": "cloudorg-exporter", "version": "*", "condition": (alias or "cloudorg-exporter") + ".enabled", **({"alias": alias} if alias else {})}]}, f)
            key = alias or "cloudorg-exporter"
            with open(tmp + "/umbrella/values.yaml", "w", encoding="utf-8") as f:
                yaml.safe_dump({"global": {"imageRegistry": "r.example", "other": {"a": 1}}, "tags": {"x": True},
                                key: {"enabled": True, "demo": True, "networkPolicy": None, "keys": None}}, f)
            text, err = render(chart=tmp + "/umbrella")
            check("dependency " + key, text, err)
            if text and "image: \"r.example/" not in text:
                check("dependency " + key, None, "global.imageRegistry is not used")


main()
print(f"{count} renderings, {failed} faults")
sys.exit(failed > 0)
