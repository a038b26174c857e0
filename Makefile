# make = what CI runs. Every target works on a fresh clone with Go, git and make; what else it needs it installs into .tmp.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL: # the two cores of a CI machine are kept busy by one go command, and tests measure time
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The functions: a folder below functions/, a binary in dist/, and a handler in serverless.yml.
FUNCTIONS := closeorder queryorder
SCF_ZIP := dist/scf.zip

GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CURDIR)/.tmp/bin/golangci-lint-$(GOLANGCI_VERSION)

# What each package's own tests have to cover, in per cent of its statements.
COVERAGE := cloudpay/pkg/*=95 cloudpay/internal/order=90 cloudpay/internal/closing=90

FUZZTIME ?= 5s
BENCHTIME ?= 1s

##@ For everybody

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Close and query orders against the emulated cloud and WeChat Pay
	@echo 'compiling … (the first time takes a minute)'
	@go run ./cmd/cloudpay demo

.PHONY: test
test: ## Test everything that is quick, with the race detector and the coverage gates (below 3 minutes)
	@if [ "$$(go env CGO_ENABLED)" = 1 ] \
		&& echo 'int main(void) { return 0; }' | $$(go env CC) -x c -o /dev/null - 2> /dev/null; \
	then race=-race; \
	else race=; \
		echo; \
		echo '*** The race detector is OFF: it needs cgo and a C compiler (Debian: apt-get install gcc libc6-dev). ***'; \
		echo; \
		if [ "$${CI:-}" = true ]; then echo 'With CI=true that is a failure.'; exit 1; fi; \
	fi; \
	set -x; \
	go test $$race -shuffle=on -cover -timeout=3m ./... | go run ./internal/toolchain/covergate $(COVERAGE:%='%')

##@ For contributors

.PHONY: test-all
test-all: test bench-test demo fuzz ## Test, and what is slow or needs installing (below 40 minutes)

.PHONY: bench-test
bench-test: ## Test the module bench/: other implementations agree with ours
	cd bench && go test -count=1 -timeout=20m ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (5s)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' internal pkg \
		| sed -E 's|^(.*)/[^/]*:func (.*)$$|./\1 \2|' | sort \
		| while read -r package target; do \
			echo "fuzzing $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 1x "$$package" < /dev/null || exit 1; \
		done

.PHONY: bench
bench: ## Measure the protocol packages beside their floors, then the built functions beside theirs
	go test -run '^$$' -bench . -benchmem -benchtime '$(BENCHTIME)' ./pkg/...
	cd bench && go test -run '^$$' -bench . -benchtime '$(BENCHTIME)' ./...

.PHONY: lint
lint: $(GOLANGCI) ## Check format, go.mod, generated files, go vet and all linters, here and in bench/
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then printf 'gofmt -w these:\n%s\n' "$$unformatted"; exit 1; fi
	for module in . bench; do \
		( cd $$module && go mod tidy -diff && go vet ./... && $(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./... ) || exit 1; \
	done
	@before=$$(git status --porcelain; git diff); \
	$(MAKE) generate; \
	if [ "$$before" != "$$(git status --porcelain; git diff)" ]; then \
		echo 'make generate changes files: commit what it makes'; exit 1; \
	fi

.PHONY: generate
generate: ## Write what is made from code: the README's table of variables, the error codes of docs/api.md
	go test -count=1 -run '^TestReadme$$' ./internal/config -update
	go test -count=1 -run '^TestAPIDocumentCodes$$' ./internal/order -update

$(GOLANGCI):
	mkdir -p $(@D)/build
	GOFLAGS= GOBIN=$(@D)/build go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(@D)/build/golangci-lint $@

##@ For deployment

.PHONY: build
build: ## Build the functions for SCF into dist/
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -ldflags '-s -w' -o dist/ $(FUNCTIONS:%=./functions/%)

.PHONY: package
package: build ## Pack them into dist/scf.zip, which serverless.yml deploys
	go run ./internal/toolchain/scfzip $(SCF_ZIP) $(FUNCTIONS:%=dist/%)

.PHONY: clean
clean: ## Remove what was built, and the tools
	rm -rf dist .tmp
