# What CI runs, target by target; .ci/run calls them all.
GO      ?= go
BIN     := $(or $(shell $(GO) env GOBIN),$(shell $(GO) env GOPATH)/bin)
LINT    := golangci-lint
LINTVER := v2.15.0
PKG     := github.com/prometheus/common/version
VERSION := $(shell cat VERSION)
REV     := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X $(PKG).Version=$(VERSION) -X $(PKG).Revision=$(REV)

.PHONY: all build test lint fuzz bench e2e rules golden demo tools

all: build test lint

build: ## the static binary, with its version
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o cloudorg_exporter .

test: ## all tests that need neither network nor other programs; -race where there is a C compiler
	$(GO) vet ./...
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ]; then $(GO) test -race ./...; else $(GO) test ./...; fi

lint:
	$(BIN)/$(LINT) run ./...

fuzz: ## every fuzz target for a little while
	@for f in $$(grep -rl '^func Fuzz' --include=*_test.go .); do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do \
	    $(GO) test $$(dirname ./$$f) -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),10s) || exit 1; \
	  done; done

bench: ## speed and memory
	$(GO) test -run '^$$' -bench . -benchmem ./...

rules: ## alerting and recording rules at all combinations of intervals (Debian: prometheus prometheus-alertmanager)
	$(GO) test -count=1 -timeout 30m ./dashboards -promtool

e2e: ## against real Prometheus, Alertmanager, Chromium and Python's client (Debian: prometheus prometheus-alertmanager chromium python3-prometheus-client)
	$(GO) test -tags e2e -count=1 -timeout 40m ./internal/e2e/... ./internal/web/...

golden: ## write the golden files and generated documents anew; look at the difference before you commit it
	$(GO) test ./internal/cloud ./dashboards -update

demo:
	$(GO) run . --demo

tools: ## what lint needs
	$(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTVER)
