#!/usr/bin/env bash
# All files of a release, from this checkout: archives for six platforms, deb
# and rpm, the chart, SBOMs, checksums. Builds are reproducible.
# Usage: build.sh OUTDIR      needs nfpm, cyclonedx-gomod and helm in PATH (make -C deploy tools)
#        PLATFORMS="linux/amd64" build.sh OUTDIR
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
version=$(cat VERSION)
revision=${REVISION:-$(git rev-parse HEAD)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export CGO_ENABLED=0 GOTOOLCHAIN=local LC_ALL=C TZ=UTC
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # os arch file
	GOOS=$1 GOARCH=$2 GOAMD64=v1 GOARM64=v8.0 GOFLAGS=-mod=mod go build -mod=readonly -trimpath -buildvcs=false \
		-ldflags "-s -w -X github.com/prometheus/common/version.Version=$version -X github.com/prometheus/common/version.Revision=$revision" -o "$3" .
}

# kingpin's man page, with another first line, and what kingpin does not know.
compile "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$work/self"
mkdir "$work/common"
{
	printf '.TH cloudorg_exporter 1 "%s" "cloudorg_exporter %s" "Prometheus exporters"\n' "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)" "$version"
	"$work/self" --help-man | sed -n '/^\.SH "NAME"/,$p' | sed '2s/.*/cloudorg_exporter \\- export the state of cloud organizations to Prometheus/'
	cat deploy/release/man.roff
} >"$work/common/cloudorg_exporter.1"
"$work/self" --completion-script-bash >"$work/common/completion.bash"
"$work/self" --completion-script-zsh >"$work/common/completion.zsh"

for platform in ${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}; do
	os=${platform%/*} arch=${platform#*/}
	name=cloudorg_exporter-$version.$os-$arch
	dir=$work/$name
	binary=cloudorg_exporter
	[ "$os" != windows ] || binary=cloudorg_exporter.exe
	mkdir -p "$dir/dashboards"
	compile "$os" "$arch" "$dir/$binary"
	cp "$work"/common/* LICENSE "$dir/"
	cp README.md CHANGELOG.md "$dir/"
	cp -r docs "$dir/" # the README links to it
	rm -f "$dir"/docs/*.go "$dir/docs/img/shoot.sh"
	cp dashboards/*.json dashboards/README.md dashboards/{thresholds,rules,alerts,inhibit_rules}.yml "$dir/dashboards/"
	[ "$os" != linux ] || cp -r deploy/systemd "$dir/"
	# The modules in the binary, without the time and a serial number.
	cyclonedx-gomod bin -json -noserial -licenses=false -version "$version" "$dir/$binary" 2>/dev/null >"$work/sbom"
	python3 deploy/release/pack.py sbom "$work/sbom" "$out/$name.cdx.json"
	if [ "$os" = windows ]; then
		python3 deploy/release/pack.py zip "$dir" "$out/$name.zip"
	else
		python3 deploy/release/pack.py tar "$dir" "$out/$name.tar.gz"
	fi
	if [ "$os" = linux ]; then
		cp "$dir/cloudorg_exporter" "$work/common/"
		gzip -9nkf "$work/common/cloudorg_exporter.1"
		for packager in deb rpm; do # mtime: SOURCE_DATE_EPOCH
			sed "s#\${VERSION}#$version#; s#\${ARCH}#$arch#; s#\${BUILD}#$work/common#" deploy/packages/nfpm.yaml >"$work/nfpm.yaml"
			(cd deploy && nfpm package --config "$work/nfpm.yaml" --packager $packager --target "$out/" >/dev/null)
		done
		rm "$work/common/cloudorg_exporter" "$work/common/cloudorg_exporter.1.gz"
	fi
done

# helm package writes the current time, so the chart is packed here. Links are followed.
mkdir -p "$work/chart/cloudorg-exporter"
(cd deploy/helm/cloudorg-exporter && tar -chf - --exclude-from=<(sed 's#^/#./#; s#/$##' .helmignore) .) | tar -xf - -C "$work/chart/cloudorg-exporter"
sed -i "s/^version:.*/version: $version/; s/^appVersion:.*/appVersion: $version/" "$work/chart/cloudorg-exporter/Chart.yaml"
python3 deploy/release/pack.py tar "$work/chart/cloudorg-exporter" "$out/cloudorg-exporter-$version.tgz"

cd "$out"
rm -f sha256sums.txt
sha256sum -- * >"$work/sums"
cp "$work/sums" sha256sums.txt
