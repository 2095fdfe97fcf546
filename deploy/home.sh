#!/usr/bin/env bash
# The address of the project is the module path in go.mod; the image is named
# after it. Both are also in files that cannot read go.mod: documents, runbook
# links, packages, chart.
# Usage: home.sh check                          every address in the tree is that of go.mod
#        home.sh set github.com/OWNER/REPO      changes it everywhere, go.mod included
set -euo pipefail
cd "$(dirname "$0")/.."
module=$(sed -n 's/^module //p' go.mod)
image=${module#*/}
files() { git grep -lIF -e "$1" -- . ':!go.sum' || true; }
case ${1:-} in
check)
	bad=$(git grep -nIoE "github\.com/[A-Za-z0-9_.-]+/${module##*/}\b" -- . ':!go.sum' | grep -vF "$module" || true)
	[ -z "$bad" ] || { printf 'not %s:\n%s\n' "$module" "$bad" >&2; exit 1; }
	for f in deploy/helm/cloudorg-exporter/values.yaml deploy/kubernetes/exporter.yaml deploy/kubernetes/kustomization.yaml; do
		grep -qF "$image" "$f" || { echo "$f: the image is not $image" >&2; exit 1; }
	done
	echo "$module in $(files "$module" | wc -l) files"
	;;
set)
	[[ ${2:-} =~ ^[a-z0-9.-]+/[a-z0-9_.-]+/[a-z0-9_.-]+$ ]] || { sed -n 2,6p "$0" >&2; exit 2; }
	files "$image" | while read -r f; do
		sed -i "s#$module#$2#g; s#$image#${2#*/}#g" "$f"
	done
	echo "$2; now: gofmt -w . && make -C deploy kubernetes"
	;;
*)
	sed -n 2,6p "$0" >&2
	exit 2
	;;
esac
