#!/bin/sh
# Makes the pictures of the status page again, with a headless Chromium.
set -eu
cd "$(dirname "$0")/../.."
go test -count=1 -tags e2e -run TestScreenshots ./internal/web -screenshots "$PWD/docs/img"
