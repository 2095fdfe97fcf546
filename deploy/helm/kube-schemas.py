#!/usr/bin/env python3
"""Strict JSON schemas for kubeconform, without a network.

Usage: kube-schemas.py SWAGGER_JSON OUTDIR [CRD_YAML...]
SWAGGER_JSON is api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes.
kubeconform -strict -schema-location 'OUTDIR/{{.ResourceKind}}{{.KindSuffix}}.json' FILE
"""
import json
import os
import sys

import yaml


def strict(node):
    """Refuses what a schema does not name. A property may be called like a keyword: only its value tells."""
    if isinstance(node, list):
        for value in node:
            strict(value)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node and node.get("x-kubernetes-preserve-unknown-fields") is not True:
        node["additionalProperties"] = False
    if node.get("x-kubernetes-int-or-string") is True or node.get("format") == "int-or-string":
        node.pop("anyOf", None)
        node.pop("type", None)
        node["oneOf"] = [{"type": "string"}, {"type": "integer"}]
    for value in list(node.values()):
        strict(value)


def write(out, kind, group, version, schema):
    parts = [kind.lower(), *([group.split(".")[0]] if group else []), version.lower()]
    with open(os.path.join(out, "-".join(parts) + ".json"), "w") as f:
        json.dump(schema, f)


def main():
    swagger, out, crds = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(out, exist_ok=True)
    with open(swagger) as f:
        definitions = json.load(f)["definitions"]
    strict(definitions)
    with open(os.path.join(out, "_definitions.json"), "w") as f:
        json.dump({"definitions": definitions}, f)
    n = 0
    for schema in definitions.values():
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            text = json.dumps(schema).replace("#/definitions/", "_definitions.json#/definitions/")
            write(out, gvk["kind"], gvk["group"], gvk["version"], json.loads(text))
            n += 1
    yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)  # a bare =
    for path in crds:
        with open(path) as f:
            documents = [d for d in yaml.safe_load_all(f) if d]
        for crd in documents:
            for version in crd["spec"]["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                strict(schema)
                schema["properties"]["metadata"] = {"type": "object"}
                write(out, crd["spec"]["names"]["kind"], crd["spec"]["group"], version["name"], schema)
                n += 1
    print(n, "schemas")


main()
