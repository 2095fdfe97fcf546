#!/usr/bin/env bash
# Builds a release of this commit twice, in two directories, the second time
# with an empty build cache, and compares every byte. Usage: reproducible.sh      PLATFORMS as build.sh has it
set -euo pipefail
cd "$(dirname "$0")/../.."
REVISION=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export REVISION SOURCE_DATE_EPOCH PLATFORMS=${PLATFORMS:-linux/amd64}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for where in one another/place; do
	mkdir -p "$work/$where/source"
	git archive HEAD | tar -xf - -C "$work/$where/source"
done
"$work/one/source/deploy/release/build.sh" "$work/one/dist"
TZ=Asia/Seoul LANG=ko_KR.UTF-8 GOCACHE=$work/cache "$work/another/place/source/deploy/release/build.sh" "$work/another/place/dist"
cat "$work/one/dist/sha256sums.txt"
diff -r "$work/one/dist" "$work/another/place/dist"
echo "two builds of $REVISION: the same bytes"
