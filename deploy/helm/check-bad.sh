#!/usr/bin/env bash
# Renders the chart with each of the bad values and compares what helm says with
# the first line of the file. Usage: check-bad.sh [-v]
set -euo pipefail
cd "$(dirname "$0")"
bad=0 n=0
for f in bad/*.yaml; do
	want=$(sed -n '1s/^# //p' "$f")
	n=$((n + 1))
	if out=$(helm template t cloudorg-exporter --kube-version 1.36.3 -f "$f" 2>&1 >/dev/null); then
		echo "$f is accepted" >&2
		bad=1
	elif ! grep -qF -- "$want" <<<"$out"; then
		printf '%s: want …%s…, have\n%s\n' "$f" "$want" "$(grep -v walk.go <<<"$out")" >&2
		bad=1
	elif [ "${1:-}" = -v ]; then
		printf '%s: %s\n' "$f" "$(grep -F -- "$want" <<<"$out" | tail -1)"
	fi
done
[ $bad = 0 ] && echo "$n bad values refused, each with its reason"
exit $bad
