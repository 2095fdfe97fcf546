#!/bin/sh
# Takes the pictures of the status pages again, with chromium and pngquant.
# With the URL of a running exporter and the name of one of its organizations,
# status-* and organization-* show that exporter; else they show the
# organizations of the browser tests.
set -eu
cd "$(dirname "$0")/../.."
go test -count=1 -tags e2e -run TestScreenshots ./internal/web -screenshots "$PWD/docs/img" -exporter "${1:-}" -organization "${2:-acme-games}"
pngquant --force --ext .png --skip-if-larger 64 docs/img/*.png
