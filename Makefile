# make test    installs what the tests need and runs them all
# make help    lists the rest

GO ?= go
LINT = $(GO) tool -modfile=tools/lint/go.mod
export CGO_ENABLED ?= 0

.PHONY: build test race lint format generate fuzz cross bench bench-peers gpu-smoke clean help

build: ## builds bin/sensevoice, a static binary, and bin/sensevoice-gpu, which links the GPU's libraries
	$(GO) build -trimpath -o bin/ ./cmd/sensevoice ./cmd/sensevoice-gpu

test: ## installs what the tests need and runs them all
	tools/setup.sh
	$(GO) test ./...

race: ## runs the tests under the race detector, without those at full model size
	CGO_ENABLED=1 $(GO) test -race -short ./...

# Tables of tests read better without the names of fields, hence -composites=false.
lint: ## checks format, vet and staticcheck; the portable build too
	@files=$$($(LINT) gofumpt -l cmd internal tools web); test -z "$$files" || { echo "not formatted (make format):"; echo "$$files"; exit 1; }
	$(GO) vet -composites=false ./...
	$(GO) vet -composites=false -tags purego ./...
	$(LINT) staticcheck ./...

format: ## formats all Go files
	$(LINT) gofumpt -w cmd internal web

generate: ## writes generated code anew
	$(GO) generate ./...

fuzz: ## fuzzes every parser for FUZZTIME (30s) each
	tools/fuzz.sh $(or $(FUZZTIME),30s)

cross: ## builds for every platform that is supported
	@for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build $$target"; GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/... || exit 1; done

bench: build ## measures the engine at full model size on this machine
	bin/sensevoice bench

bench-peers: build ## measures this engine and sherpa-onnx side by side; installs the peer into .cache
	tools/peers/run.py

gpu-smoke: build ## tries the first visible GPU: memory, and kernels against double precision
	bin/sensevoice-gpu smoke

clean: ## removes what was built and downloaded
	rm -rf bin .cache

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14
