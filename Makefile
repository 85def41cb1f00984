# wangge: make run starts the server with the demo, make test runs every test. Both install what is missing.
SHELL   := /bin/bash
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
LISTEN  ?= 127.0.0.1:8470
# as root the database runs as the user postgres, who cannot enter /root
DATA    ?= $(shell [ "$$(id -u)" = 0 ] && echo /var/lib/wangge || echo data)
CASES   ?= 1000000
ANSWERS ?= 1000000
GO      := go
LDFLAGS := -X main.version=$(VERSION)

.PHONY: run test build web lint race test-go test-web test-browser bench soak setup setup-test types clean

run: setup build ## start the server on its private PostGIS, with the Chongming demo
	@exec bin/wangge serve --listen $(LISTEN) --data $(DATA) --demo

build: web ## bin/wangge (the web map inside) and bin/wangge-reader (GDAL, sandboxed)
	$(GO) build -ldflags "$(LDFLAGS)" -o bin/wangge ./geoserver
	$(GO) build -o bin/wangge-reader ./importers/reader

web: web-map/dist/index.html ## the web map

web-map/node_modules/.installed: web-map/package.json web-map/package-lock.json
	cd web-map && npm ci --no-audit --no-fund && touch node_modules/.installed

web-map/dist/index.html: web-map/node_modules/.installed $(shell find web-map/src web-map/public web-map/index.html web-map/vite.config.ts -type f 2>/dev/null)
	cd web-map && npm run build

setup: ## Debian packages that running needs
	@scripts/setup.sh run

setup-test: ## Debian packages that the tests need
	@scripts/setup.sh run test

test: setup-test build lint test-web test-go test-browser ## everything

lint: web-map/node_modules/.installed
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	scripts/security.sh
	cd web-map && npm run lint

test-web: web-map/node_modules/.installed
	cd web-map && npm test

test-go: web
	scripts/go-test.sh

race: setup-test web ## every Go test under the race detector: before a release
	$(GO) test -race -timeout 60m ./...

test-browser: build
	scripts/browser-test.sh

bench: setup build ## the figures of docs/BENCHMARKS.md
	$(GO) test -run '^$$' -bench . -benchmem ./...
	bin/wangge bench tiles --cases $(CASES) --json bin/bench.json --plot bin/bench.svg

soak: setup-test ## a million answers under writers, cut connections, kills and a restore: none may be stale
	WANGGE_SOAK=$(ANSWERS) $(GO) test -run '^TestNeverStale$$' -v -count 1 -timeout 4h ./geoserver

types: build ## the web map's wire types, from the API's description of itself
	bin/wangge openapi > bin/openapi.json
	cd web-map && node scripts/types.mjs ../bin/openapi.json

clean:
	rm -rf bin web-map/dist/* web-map/node_modules
