#!/bin/sh
# deb removes keys and stored data on purge. The user stays, as is usual.
set -e
case "$1" in
purge)
	rm -rf /etc/cloudorg_exporter/keys /var/lib/cloudorg_exporter
	rmdir /etc/cloudorg_exporter 2>/dev/null || true
	;;
esac
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
