#!/usr/bin/env bash
# Builds the image, runs it as restricted as in a cluster, and inspects it.
# Needs root and Debian's buildah podman conmon runc; no registry.
#
# The base image of the build stage is not pulled: a stand-in of the same name
# has a shell and three commands, and this machine's Go is mounted into it.
# Usage: image-check.sh [DIR]     DIR keeps the images; otherwise nothing stays.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
store=${1:-$work}
mkdir -p "$store/root" "$store/run"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
storage=(--root "$store/root" --runroot "$store/run" --storage-driver vfs)
pod() { podman --log-level fatal "${storage[@]}" --runtime runc --cgroup-manager cgroupfs --events-backend file "$@"; }
names=()
cleanup() {
	for n in "${names[@]}"; do pod rm -f -t 0 "$n" >/dev/null 2>&1 || true; done
	[ -n "${1:-}" ] || rm -rf "$work" 2>/dev/null || true
}
trap cleanup EXIT
step() { printf -- '-- %s\n' "$*"; }
fail() { echo "image-check: $*" >&2; exit 1; }

goroot=$(go env GOROOT)
base=$(sed -n 's/^ARG GO_IMAGE=//p' Dockerfile)
version=$(cat VERSION)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
go mod download

step "a stand-in for $base"
root=$work/standin
mkdir -p "$root/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/usr/local/go" "$root/go/pkg/mod"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -L "$(command -v dash)" "$root/bin/sh"
for c in cat cp mkdir; do cp -L "$(command -v $c)" "$root/bin/"; done
for f in "$root"/bin/*; do ldd "$f"; done | grep -o '/[^ ]*' | sort -u | while read -r lib; do
	mkdir -p "$root$(dirname "$lib")"
	cp -L "$lib" "$root$lib"
done
printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOFLAGS=-mod=mod GOPROXY=off\n' >"$work/Standin"
buildah "${storage[@]}" bud -q --format docker -f "$work/Standin" -t "$base" "$root" >/dev/null

step "build"
build() { # platform tag
	buildah "${storage[@]}" bud -q --pull-never --format docker --timestamp 0 --platform "$1" \
		--volume "$goroot:/usr/local/go:ro" --volume "$(go env GOMODCACHE):/go/pkg/mod" --volume "$(go env GOCACHE):/root/.cache/go-build" \
		--build-arg VERSION="$version" --build-arg REVISION="$revision" -t "$2" . | tail -1
}
id=$(build linux/amd64 cloudorg_exporter:check)
[ -z "${ARM64:-}" ] || build linux/arm64 cloudorg_exporter:arm64

step "content"
mount=$(pod image mount "$id")
bytes=$(du -sb "$mount" | cut -f1)
(cd "$mount" && find . -type f -printf '%s %p\n')
pod image unmount "$id" >/dev/null
echo "size: $bytes bytes"
[ "$bytes" -lt 40000000 ] || fail "the image has $bytes bytes"
pod image inspect --format 'user {{.Config.User}}; {{.Config.Labels}}' "$id"

strict=(--pull never --read-only --read-only-tmpfs=false --cap-drop ALL --security-opt no-new-privileges --network host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
step "version, read-only, without capabilities, as a numeric user"
pod run --rm "${strict[@]}" "$id" --version | head -1 | tee "$work/version"
grep -q "version $version" "$work/version" || fail "the version is not $version"

step "demo on loopback"
port=$((20000 + RANDOM % 10000))
name=cloudorg-check-$$
names+=("$name")
pod run -d --name "$name" "${strict[@]}" "$id" --demo --web.listen-address="127.0.0.1:$port" >/dev/null
for _ in $(seq 50); do curl -fsS -o /dev/null "http://127.0.0.1:$port/-/ready" 2>/dev/null && break; sleep 0.2; done
curl -fsS "http://127.0.0.1:$port/metrics" >"$work/metrics"
grep -E '^cloudorg_members\{' "$work/metrics" | head -3
pid=$(pod inspect --format '{{.State.Pid}}' "$name")
grep -E '^(Uid|Gid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
grep -q '^Uid:.65532.65532.65532.65532' "/proc/$pid/status" || fail "it does not run as 65532"
grep -q '^CapEff:.0000000000000000' "/proc/$pid/status" || fail "it has capabilities"
grep -E ' / ' "/proc/$pid/mountinfo" | grep -q ' ro[, ]' || fail "its root can be written"

step "stored data in a new volume"
printf 'organizations: [{name: acme, cloud: ncp, access_key: EXAMPLEACCESS, secret_key: EXAMPLESECRET, base_url: "http://127.0.0.1:9"}]\n' >"$work/config.yml"
chmod 644 "$work/config.yml"
names+=("$name-state")
pod run -d --name "$name-state" "${strict[@]}" -v "$name-state:/var/lib/cloudorg_exporter" -v "$work/config.yml:/config.yml:ro" "$id" \
	--config.file=/config.yml --storage.path=/var/lib/cloudorg_exporter --web.listen-address="127.0.0.1:$((port + 1))" >/dev/null
state=$(pod volume inspect --format '{{.Mountpoint}}' "$name-state")
for _ in $(seq 50); do compgen -G "$state/acme-*.state" >/dev/null && break; sleep 0.2; done
stat -c '%a %u %n' "$state"/*
compgen -G "$state/acme-*.state" >/dev/null || { pod logs "$name-state"; fail "it cannot write to a new volume"; }
pod rm -f -t 5 "$name-state" >/dev/null
pod volume rm "$name-state" >/dev/null

health() { pod exec "$name" /cloudorg_exporter --web.health-check --web.listen-address="127.0.0.1:$port"; }
step "health check through the binary"
health && echo "alive: exit 0"
kill -STOP "$pid"
if health 2>&1; then fail "a frozen exporter passes the health check"; else echo "frozen: exit 1"; fi
kill -CONT "$pid"
health && echo "alive again: exit 0"

step "the image's own HEALTHCHECK, at its own address"
if curl -fsS -o /dev/null http://127.0.0.1:10076/-/healthy 2>/dev/null; then
	echo "something listens on 10076: left out"
else
	name2=$name-default
	names+=("$name2")
	pod run -d --name "$name2" "${strict[@]}" "$id" --demo >/dev/null
	for _ in $(seq 50); do curl -fsS -o /dev/null http://127.0.0.1:10076/-/ready 2>/dev/null && break; sleep 0.2; done
	pod healthcheck run "$name2" && echo "running: exit 0"
	pod rm -f -t 5 "$name2" >/dev/null
	if pod healthcheck run "$name"; then fail "the health check passes without a listener on 10076"; else echo "no listener on 10076: exit 1"; fi
fi

step "SIGTERM"
pod stop -t 10 "$name" >/dev/null
code=$(pod inspect --format '{{.State.ExitCode}}' "$name")
[ "$code" = 0 ] || fail "exit code $code"
echo "SIGTERM: exit 0"
