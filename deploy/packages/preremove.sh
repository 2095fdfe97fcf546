#!/bin/sh
# Not on an upgrade: deb passes "upgrade", rpm passes 1.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now cloudorg_exporter.socket cloudorg_exporter.service || true
	fi
	;;
esac
