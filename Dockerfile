# The image of cloudorg_exporter: a static binary, CA certificates and time
# zones. No shell; it runs as user 65532.
#
#   docker build --build-arg VERSION="$(cat VERSION)" --build-arg REVISION="$(git rev-parse HEAD)" -t cloudorg_exporter .
#   docker buildx build --platform linux/amd64,linux/arm64 …
ARG GO_IMAGE=golang:1.26

# The compiler runs on the platform of the build machine and cross-compiles.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${GO_IMAGE} AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION
ARG REVISION=unknown
RUN GOOS="${TARGETOS}" GOARCH="${TARGETARCH}" go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION:-$(cat VERSION)} -X github.com/prometheus/common/version.Revision=${REVISION}" \
      -o /out/cloudorg_exporter . \
 && mkdir -p /out/etc/ssl/certs /out/usr/share /state/cloudorg_exporter \
 && cp LICENSE /out/LICENSE \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /out/usr/share/

FROM scratch
ARG VERSION
ARG REVISION=unknown
LABEL org.opencontainers.image.title="cloudorg_exporter" \
      org.opencontainers.image.description="Exports the state of cloud organizations to Prometheus: NAVER Cloud Platform, Samsung Cloud Platform and AWS Organizations." \
      org.opencontainers.image.source="https://github.com/cloudorg-exporter/cloudorg_exporter" \
      org.opencontainers.image.documentation="https://github.com/cloudorg-exporter/cloudorg_exporter/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
# A new volume at this path belongs to the user. There is no VOLUME instruction:
# a container without --storage.path would leave an anonymous volume behind.
COPY --from=build --chown=65532:65532 /state/ /var/lib/
ENV ZONEINFO=/usr/share/zoneinfo.zip
USER 65532:65532
EXPOSE 10076
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["/cloudorg_exporter", "--web.health-check"]
ENTRYPOINT ["/cloudorg_exporter"]
