# Everything a developer runs. `make` lists it; docs/testing.md says what runs where and how long it takes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN ?= bin
DIST ?= dist
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
# Arguments for go test, as make test TEST=./internal/vercmp/ FLAGS=-v
TEST ?= ./...
FLAGS ?=

.PHONY: help
help: ## List what make can do
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: web build ## Start a server in ./.run with this machine as its first host; Ctrl-C ends both
	@bash scripts/run.sh $(BIN)

.PHONY: build
build: ## Build bin/staunch and bin/staunch-agent (make web first for the console)
	@mkdir -p $(BIN)
	$(GOBUILD) -o $(BIN)/ ./cmd/staunch ./cmd/staunch-agent

.PHONY: packages
packages: build ## deb and rpm of the server and the agent, in DIST (make web first for the console)
	bash packaging/build.sh $(BIN) $(DIST) $(VERSION)

.PHONY: web
web: web/dist/index.html ## Build the console into web/dist

# npm ci only when the lock file changed since the last one
web/node_modules/.installed: web/package-lock.json
	@bash scripts/need.sh node npm
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.installed api/openapi.yaml $(shell find web/src web/public web/index.html web/vite.config.ts web/tsconfig.json -type f 2>/dev/null)
	cd web && npm run gen && npm run build
	@touch $@

.PHONY: gen
gen: web/node_modules/.installed ## Write api/openapi.yaml and the console's types from the code
	go run ./cmd/staunch openapi > api/openapi.yaml.new
	mv api/openapi.yaml.new api/openapi.yaml
	cd web && npm run gen

.PHONY: test
test: web/node_modules/.installed ## Unit tests of the programs and the console
	go test $(FLAGS) $(TEST)
	cd web && npm run gen && npm run test

.PHONY: e2e
e2e: ## End-to-end tests: real agents on booted hosts (as root; needs test/bin/tools.sh once)
	go test -tags e2e -count=1 -timeout 20m $(FLAGS) ./test/lab/ ./test/e2e/

.PHONY: browser
browser: web build ## The console in Chromium
	cd web && npm run browser

.PHONY: screenshots
screenshots: web build ## Screenshots of each page, light and dark, into docs/screenshots
	cd web && SCREENSHOTS=1 npm run browser

.PHONY: lint
lint: ## Formatting, vet, golangci-lint, the console's checks, words that must not be in the tree
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	go run $(GOLANGCI_LINT) run
	bash test/bin/tree.sh

.PHONY: fmt
fmt: ## Format the Go code
	gofmt -w $$(git ls-files '*.go')

.PHONY: check
check: ## What CI runs, all of it
	bash .ci/run

.PHONY: bench
bench: ## Benchmarks
	go test -run '^$$' -bench . -benchmem $(TEST)

HOSTS ?= 100000
.PHONY: bench-fleet
bench-fleet: ## The index on a generated fleet, HOSTS=100000; FLAGS=-alone: no two hosts share a package set
	go run ./test/fleetgen/bench -hosts $(HOSTS) $(FLAGS)

.PHONY: bench-scan
bench-scan: build ## staunch scan beside dpkg-query: CPU, memory, compiling, hosts per second (needs STAUNCH_SHARED or ../shared)
	go run ./test/scanbench -staunch $(BIN)/staunch -shared $${STAUNCH_SHARED:-../shared}/data

.PHONY: nightly
nightly: ## What takes longer: race detector, fuzzing, 50 booted hosts for longer
	bash test/bin/nightly.sh

.PHONY: clean
clean: ## Remove what was built (not ./.run)
	rm -rf $(BIN) web/node_modules
	find web/dist -mindepth 1 ! -name .keep -delete
