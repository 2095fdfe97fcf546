#!/bin/sh
# Does not start a service that was not running: there are no keys yet.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/cloudorg_exporter.conf
elif ! getent passwd cloudorg_exporter >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin cloudorg_exporter
fi
chown root:cloudorg_exporter /etc/cloudorg_exporter/keys
chmod 750 /etc/cloudorg_exporter/keys
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart cloudorg_exporter.service
fi
case "$1:${2:-}" in
configure: | 1:)
	echo "cloudorg_exporter: edit /etc/cloudorg_exporter/config.yml, then run: systemctl enable --now cloudorg_exporter"
	;;
esac
