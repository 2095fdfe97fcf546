#!/usr/bin/env bash
# Installs the deb on this Debian, looks at what came, runs the unit's command
# with its environment and its credentials, and purges it again.
# Usage: check.sh FILE.deb FILE.rpm [PREVIOUS.deb]      as root, on a machine without the package
set -euo pipefail
deb=$1 rpm=$2
unit=/usr/lib/systemd/system/cloudorg_exporter.service
step() { printf -- '-- %s\n' "$*"; }
fail() { echo "packages: $*" >&2; exit 1; }
dpkg -s cloudorg-exporter >/dev/null 2>&1 && fail "the package is installed: this check would remove it"
work=$(mktemp -d)
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	dpkg --purge cloudorg-exporter >/dev/null 2>&1 || true
	rm -rf "$work" /run/credentials/cloudorg_exporter.service
}
trap cleanup EXIT

step "dpkg -i"
dpkg -i "$deb" >"$work/out" 2>&1 || { cat "$work/out"; fail "dpkg -i"; }
grep '^cloudorg_exporter:' "$work/out"
dpkg -L cloudorg-exporter | while read -r f; do if [ -f "$f" ]; then stat -c '%A %U %s %n' "$f"; fi; done
[ "$(stat -c '%a %U' /etc/cloudorg_exporter/keys)" = "700 root" ] || fail "others can read the keys"
cloudorg_exporter --version | head -1

step "man page and completion"
zcat /usr/share/man/man1/cloudorg_exporter.1.gz | head -1
if command -v man >/dev/null; then
	[ -z "$(man --warnings -E UTF-8 -l -Tutf8 /usr/share/man/man1/cloudorg_exporter.1.gz 2>&1 >/dev/null)" ] || fail "man warns"
fi
# shellcheck disable=SC2016
bash -c 'source /usr/share/bash-completion/completions/cloudorg_exporter; COMP_WORDS=(cloudorg_exporter --web.heal) COMP_CWORD=1; _cloudorg_exporter_bash_autocomplete; echo "${COMPREPLY[@]}"' | grep -- --web.health-check

step "systemd"
out=$(systemd-analyze verify "$unit" "${unit%.service}.socket" 2>&1) || true
[ -z "$out" ] || fail "systemd-analyze verify: $out"
systemd-analyze security --offline=true --threshold=15 "$unit" | tail -1

step "the unit's command, with its environment and credentials, as nobody in particular"
access=EXAMPLEACCESSKEY0001
install -d /run/credentials/cloudorg_exporter.service
printf '%s\n' "$access" >/run/credentials/cloudorg_exporter.service/keys_acme-access
printf 'exampleSecretKey0123456789\n' >/run/credentials/cloudorg_exporter.service/keys_acme-secret
chown -R 61234:61234 /run/credentials/cloudorg_exporter.service
chmod 500 /run/credentials/cloudorg_exporter.service
chmod 400 /run/credentials/cloudorg_exporter.service/*
port=$((20000 + RANDOM % 10000))
sed -i '$a\    base_url: http://127.0.0.1:1' /etc/cloudorg_exporter/config.yml
echo "ARGS=\"--web.listen-address=127.0.0.1:$port --web.systemd-socket\"" >/etc/default/cloudorg_exporter
sed -i 's/ --web.systemd-socket//' /etc/default/cloudorg_exporter
command=$(sed -n 's/^ExecStart=//p' "$unit")
(
	set -a
	# shellcheck source=/dev/null
	. "$(sed -n 's/^EnvironmentFile=-//p' "$unit")"
	cd /
	# shellcheck disable=SC2086
	exec env -i ARGS="$ARGS" setpriv --reuid 61234 --regid 61234 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
		sh -c "umask $(sed -n 's/^UMask=//p' "$unit"); exec $command"
) 2>"$work/log" &
pid=$!
ready() { curl -fsS -o /dev/null "http://127.0.0.1:$port/-/ready" 2>/dev/null; }
for _ in $(seq 150); do ready && break; kill -0 $pid || { cat "$work/log"; fail "it has ended"; }; sleep 0.2; done
ready || fail "it is never ready"
tr '\0' ' ' </proc/$pid/cmdline && echo
grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/$pid/status
curl -fsS "http://127.0.0.1:$port/metrics" >"$work/metrics"
# Nobody listens there: it says so, and serves.
grep -F 'cloudorg_collector_error{cloud="ncp",collector="members",organization="acme",reason="network"} 1' "$work/metrics" || fail "no reason"
cloudorg_exporter --web.health-check --web.listen-address="127.0.0.1:$port"
grep -qF "$access" "$work/log" "$work/metrics" && fail "the key is shown"
step "ExecReload"
kill -HUP $pid
for _ in $(seq 50); do grep -q 'msg=reloaded' "$work/log" && break; sleep 0.1; done
grep 'msg=reloaded' "$work/log"
step "stop"
kill -TERM $pid
wait $pid && echo "exit 0"
pid=

step "installed once more: the configuration stays"
dpkg -i "$deb" >"$work/out" 2>&1
grep -q '127.0.0.1:1' /etc/cloudorg_exporter/config.yml || fail "the configuration is gone"
step "purge"
dpkg --purge cloudorg-exporter 2>&1 | grep -v '^(Reading'
left=$(find /etc /usr/bin /usr/lib /usr/share -xdev -path '*cloudorg*' -print)
[ -z "$left" ] || fail "left behind: $left"
echo "nothing is left"
step "rpm"
if command -v rpm >/dev/null; then
	rpm -qp --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}\n' "$rpm" 2>/dev/null
	rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" 2>/dev/null | grep -E 'bin/|keys|service|config.yml'
	rpm -K --nosignature "$rpm"
fi
