#!/usr/bin/env bash
# Installs the deb on this Debian, runs the commands of docs/install.md as
# written, runs the unit's commands as the service's user, and purges it again.
# No systemd runs here: systemctl is a stub.
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
	rm -rf "$work"
}
trap cleanup EXIT

step "dpkg -i"
dpkg -i "$deb" >"$work/out" 2>&1 || { cat "$work/out"; fail "dpkg -i"; }
grep '^cloudorg_exporter:' "$work/out"
dpkg -L cloudorg-exporter | while read -r f; do if [ -f "$f" ]; then stat -c '%A %U %s %n' "$f"; fi; done
[ "$(stat -c '%a %U %G' /etc/cloudorg_exporter/keys)" = "750 root cloudorg_exporter" ] || fail "others can read the keys"
dpkg-query --showformat '${Conffiles}\n' --show cloudorg-exporter | grep -q /etc/cloudorg_exporter/thresholds.yml || fail "thresholds.yml is no conffile"
cloudorg_exporter --version | head -1

step "man page and completion"
zcat /usr/share/man/man1/cloudorg_exporter.1.gz | head -1
if command -v man >/dev/null; then
	[ -z "$(man --warnings -E UTF-8 -l -Tutf8 /usr/share/man/man1/cloudorg_exporter.1.gz 2>&1 >/dev/null)" ] || fail "man warns"
fi
zgrep -q "EXIT STATUS" /usr/share/man/man1/cloudorg_exporter.1.gz || fail "the man page has no exit status"
# shellcheck disable=SC2016
bash -c 'source /usr/share/bash-completion/completions/cloudorg_exporter; COMP_WORDS=(cloudorg_exporter --web.heal) COMP_CWORD=1; _cloudorg_exporter_bash_autocomplete; echo "${COMPREPLY[@]}"' | grep -- --web.health-check

step "systemd"
out=$(systemd-analyze verify "$unit" "${unit%.service}.socket" 2>&1) || true
[ -z "$out" ] || fail "systemd-analyze verify: $out"
systemd-analyze security --offline=true --threshold=15 "$unit" | tail -1

step "the commands of docs/install.md"
mkdir "$work/bin"
# What a person does by hand.
cat >"$work/bin/editor" <<'EOF'
#!/bin/sh
sed -i '$a\    base_url: http://127.0.0.1:1' "$1"
EOF
cat >"$work/bin/systemctl" <<'EOF'
#!/bin/sh
echo "systemctl $*"
EOF
chmod +x "$work/bin/editor" "$work/bin/systemctl"
access=EXAMPLEACCESSKEY0001
# shellcheck disable=SC2016
sed -n '/^Then, as root:$/,/^Installing does not/p' ../docs/install.md | sed -n '/^```sh$/,/^```$/{/^```/d;p}' | sed 's/ *#.*//' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 6 ] || fail "docs/install.md has no commands"
cat "$work/commands"
# Until the program has the flag.
cloudorg_exporter --help | grep -q -e --once.output || sed -i 's/--once.output=table //' "$work/commands"
(
	PATH=$work/bin:$PATH
	while read -r command; do
		key=$access
		[[ $command != *secret* ]] || key=exampleSecretKey0123456789
		eval "$command" <<<"$key" >"$work/out" 2>&1 && continue
		# Nobody listens at base_url: nothing else may fail.
		[[ $command == *--once* ]] && grep -q 'connection refused' "$work/out" || { cat "$work/out"; fail "$command"; }
	done <"$work/commands"
	grep -q '^systemctl enable' "$work/out" || fail "not every command has run"
) || exit 1
[ "$(stat -c '%a %G' /etc/cloudorg_exporter/keys/acme-secret)" = "640 cloudorg_exporter" ] || fail "others can read a key"

step "the unit's commands, as its user"
port=$((20000 + RANDOM % 10000))
sed -i "s|^ARGS=\"|&--web.listen-address=127.0.0.1:$port |" /etc/default/cloudorg_exporter
unit_command() { # ExecStartPre or ExecStart
	# shellcheck source=/dev/null
	. "$(sed -n 's/^EnvironmentFile=//p' "$unit")"
	cd /
	exec env -i ARGS="$ARGS" setpriv --reuid cloudorg_exporter --regid cloudorg_exporter --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
		sh -c "umask $(sed -n 's/^UMask=//p' "$unit"); exec $(sed -n "s/^$1=//p" "$unit")"
}
(unit_command ExecStartPre)
unit_command ExecStart 2>"$work/log" &
pid=$!
ready() { curl -fsS -o /dev/null "http://127.0.0.1:$port/-/ready" 2>/dev/null; }
for _ in $(seq 150); do ready && break; kill -0 $pid || { cat "$work/log"; fail "it has ended"; }; sleep 0.2; done
ready || fail "it is never ready"
tr '\0' ' ' </proc/$pid/cmdline && echo
grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/$pid/status
curl -fsS "http://127.0.0.1:$port/metrics" >"$work/metrics"
# Nobody listens at base_url: it says so, and serves.
grep -F 'cloudorg_collector_error{cloud="ncp",collector="members",organization="acme",reason="network"} 1' "$work/metrics" || fail "the reason is missing"
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

step "installed again: configuration and thresholds stay"
sed -i 's/expr: 3$/expr: 7/' /etc/cloudorg_exporter/thresholds.yml
dpkg -i "$deb" >"$work/out" 2>&1
grep -q '127.0.0.1:1' /etc/cloudorg_exporter/config.yml || fail "the configuration is gone"
grep -q 'expr: 7' /etc/cloudorg_exporter/thresholds.yml || fail "the thresholds are gone"
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
