# CI runs these targets too. Every target works on a fresh clone with Go, git and make, and installs
# its other tools into .tmp.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL: # one go command keeps the two cores of a CI machine busy, and tests measure time
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Each function has a folder below functions/, one of the same name in dist/, and a handler in
# serverless.yml.
FUNCTIONS := closeorder queryorder
# Those that answer HTTP alone are not in the package that the others share.
HTTP_FUNCTIONS := paynotify web
# What web is called in cloudbaserc.json, where it is deployed twice.
WEB_ON_CLOUDBASE := cloudpay cloudpay-public
SCF_ZIP := dist/scf.zip

GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CURDIR)/.tmp/bin/golangci-lint-$(GOLANGCI_VERSION)

# The coverage that each package's own tests must reach, in per cent of its statements.
COVERAGE := cloudpay/pkg/*=95 cloudpay/internal/order=90 cloudpay/internal/order/errcode=90 cloudpay/internal/schedule=90 cloudpay/internal/closing=90 cloudpay/internal/sweep=90

# The secrets that the tests must have used and the outputs that they must have written, without
# which a search for leaks would prove nothing.
LEAKCHECK := -secrets v2-key,v3-key,private-key,token,identity,signature -output logs,errors,replies,terminal

FUZZTIME ?= 60s
BENCHTIME ?= 1s

##@ For users

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Follow three orders: forgotten, in doubt, paid in the last second
	@go build -v -o .tmp/bin/cloudpay ./cmd/cloudpay 2>&1 | internal/toolchain/progress.sh 'compiling the command'
	@.tmp/bin/cloudpay demo

# The functions keep the register in SQLite, which deployed ones do not link.
SHOP_FUNCTION := examples/shop/cloudfunctions/order
.PHONY: shop
shop: $(SHOP_FUNCTION)/node_modules ## Follow a shop's orders from placing to stock: examples/shop (needs Node.js and npm)
	@CGO_ENABLED=0 go build -v -trimpath -tags lambda.norpc,sqlite -o .tmp/shop/ $(FUNCTIONS:%=./functions/%) ./functions/web ./cmd/cloudpay 2>&1 \
		| internal/toolchain/progress.sh 'compiling the command and the functions'
	@node examples/shop/life/main.mjs --bin .tmp/shop

$(SHOP_FUNCTION)/node_modules: $(SHOP_FUNCTION)/package-lock.json
	cd $(SHOP_FUNCTION) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Tests of several packages build the functions at the same time. They are compiled once before, so
# that the tests only have to link them. Programs without the race detector are compiled in the same
# way, so that the standard library is compiled twice and not three times. lint vets everything, so
# go test does not. The timeout ends a hanging test, and leaves room for a busy machine. The tests
# write their output to a new folder, so that it holds this run's output and no earlier one's. The
# folder's name also keeps go from taking a test's result out of its cache, as -shuffle does
# already.
.PHONY: test
test: ## Run the quick tests: race detector, coverage gates, search for leaked secrets (nine minutes on two slow cores)
	@if [ "$$(go env CGO_ENABLED)" = 1 ] \
		&& echo 'int main(void) { return 0; }' | $$(go env CC) -x c -o /dev/null - 2> /dev/null; \
	then race=-race; \
	else race=; \
		echo; \
		echo '*** The race detector is OFF: it needs cgo and a C compiler (Debian: apt-get install gcc libc6-dev). ***'; \
		echo; \
		if [ "$${CI:-}" = true ]; then echo 'With CI=true that is a failure.'; exit 1; fi; \
	fi; \
	if [ "$${CI:-}" = true ]; then internal/toolchain/install.sh receivers || exit 1; fi; \
	output=$$(mktemp -d); \
	trap 'rm -rf "$$output"' EXIT; \
	set -x; \
	plain='env CGO_ENABLED=0 GOFLAGS=-trimpath go'; \
	$$plain build $(FUNCTIONS:%=./functions/%) $(HTTP_FUNCTIONS:%=./functions/%); \
	export CLOUDPAY_TEST_OUTPUT="$$output"; \
	go test $$race -shuffle=on -cover -vet=off -timeout=10m $$(go list ./... | grep -v '/cmd/') \
		| $$plain run ./internal/toolchain/covergate $(COVERAGE:%='%'); \
	: 'Tests with SQLite, and the many forged calls, notifications and mistakes, run without the race detector, which slows them forty times; test-races has it.'; \
	$$plain test -tags sqlite -shuffle=on -vet=off -timeout=10m ./internal/store/...; \
	$$plain test -shuffle=on -vet=off -timeout=10m ./cmd/...; \
	$$plain test -shuffle=on -vet=off -timeout=10m -run '^TestForging$$' ./internal/trigger; \
	$$plain test -shuffle=on -vet=off -timeout=10m -run '^TestForged$$' ./internal/paynotify; \
	$$plain test -shuffle=on -vet=off -timeout=10m ./internal/diagnosis; \
	$$plain test -tags sqlite -shuffle=on -vet=off -timeout=10m -run '^TestRegistered' ./internal/app; \
	$$plain run ./internal/toolchain/leakcheck $(LEAKCHECK) "$$output"

##@ For contributors

.PHONY: test-all
test-all: FUZZTIME := 5s
test-all: test test-races test-documents test-module test-databases test-killed test-sweep bench-test demo shop package-test fuzz ## Run all tests, also those that are slow or need installing (45 minutes on two slow cores)

.PHONY: test-races
test-races: ## Run the command's tests with the race detector, too
	go test -race -shuffle=on -vet=off -timeout=20m ./cmd/...

.PHONY: test-documents
test-documents: ## Run the documents' commands in a fresh clone of the last commit (two minutes)
	CLOUDPAY_TEST_CLONE=1 go test -count=1 -v -vet=off -timeout=15m -run '^TestFreshClone$$' ./cmd/cloudpay \
		| grep -Ev '^ *(=== |--- PASS)'

.PHONY: test-databases
test-databases: ## Prove the store, and what doctor says of it, on PostgreSQL, PgBouncer, MariaDB and under failover; installs what is missing
	internal/toolchain/install.sh databases
	go test -race -tags databases -v -shuffle=on -timeout=15m -run '^(TestPostgres|TestPgBouncer|TestMariaDB|TestFailover|TestLostCommits|TestClaimsPassDeadRows)$$' ./internal/store \
		| grep -Ev '^ *(=== |--- PASS)'
	go test -tags databases -count=1 -v -timeout=10m -run '^TestLiving' ./internal/doctor | grep -Ev '^ *(=== |--- PASS)'

.PHONY: test-killed
test-killed: ## Kill 30 running sweeps on each database, of the image's files, and through failovers, rehearse a bad night, and look for losses (five minutes)
	internal/toolchain/install.sh databases
	go test -tags sqlite,databases -count=1 -v -timeout=15m -run '^(TestKilledSweeps|TestNight|TestImage)' ./internal/app \
		| grep -Ev '^ *(=== |--- PASS)'
	go test -tags sqlite,databases -count=1 -v -timeout=15m -run '^(TestKilledPruningOnServers|TestShopLosesNothingOnServers)$$' ./cmd/cloudpay \
		| grep -Ev '^ *(=== |--- PASS)'

.PHONY: test-module
test-module: ## Rename a copy of the module, vet it, and use its packages from another module (two minutes)
	CLOUDPAY_TEST_MODULE=1 go test -count=1 -v -vet=off -timeout=15m ./internal/toolchain/module | grep -Ev '^ *(=== |--- PASS)'

.PHONY: proof
proof: proof-calls proof-killed proof-year proof-notices proof-explain ## Prove at length what tests prove in short: all targets whose names begin with proof-

.PHONY: proof-calls
proof-calls: PROOF_TRIES := 10000
proof-calls: ## Make 10,000 calls (PROOF_TRIES) and sweep as many orders while proxies mix up replies (10 minutes)
	PROOF_TRIES=$(PROOF_TRIES) go test -tags sqlite -count=1 -v -timeout=60m -run 'OutOfStep|^TestEveryStatus' ./internal/app \
		| grep -Ev '^ *=== '

.PHONY: proof-notices
proof-notices: PROOF_NOTICES := 1000000
proof-notices: ## Have 1,000,000 forged notifications (PROOF_NOTICES) refused (5 minutes)
	CLOUDPAY_FORGED_NOTICES=$(PROOF_NOTICES) go test -count=1 -v -timeout=60m -run '^TestForged$$' ./internal/paynotify \
		| grep -Ev '^ *=== '

.PHONY: proof-explain
proof-explain: PROOF_MUTANTS := 100000
proof-explain: ## Have 100,000 mistakes in messages (PROOF_MUTANTS) named, and as many right ones called fine (5 minutes)
	CLOUDPAY_MUTANTS='$(PROOF_MUTANTS)' go test -count=1 -v -vet=off -timeout=30m -run '^Test(Mutants|Right)$$' ./internal/diagnosis \
		| grep -Ev '^ *=== '

.PHONY: proof-killed
proof-killed: PROOF_KILLS := 200
proof-killed: ## Kill 200 sweeps (PROOF_KILLS) of ten times as many orders on each database, and through failovers (10 minutes)
	internal/toolchain/install.sh databases
	PROOF_KILLS=$(PROOF_KILLS) go test -tags sqlite,databases -count=1 -v -timeout=60m -run '^TestKilledSweeps' ./internal/app \
		| grep -Ev '^ *=== '

.PHONY: proof-year
proof-year: PROOF_YEAR := 2000000
proof-year: ## Let a register age by a year with two million orders (PROOF_YEAR), and draw it in docs/scale.md (30 minutes)
	internal/toolchain/install.sh databases
	cd bench && PROOF_YEAR=$(PROOF_YEAR) go test -tags databases -count=1 -v -timeout=120m ./year -write

.PHONY: test-sweep
test-sweep: ## Sweep with databases that crash, deadlock and run full, with four sweepers, and for a small year (two minutes)
	internal/toolchain/install.sh databases
	cd bench && go test -tags sqlite,databases -count=1 -v -timeout=10m ./sweep ./year | grep -Ev '^ *(=== |--- PASS)|level='

.PHONY: bench-test
bench-test: ## Test the module bench/: other implementations agree with ours
	internal/toolchain/install.sh clients
	cd bench && go test -count=1 -timeout=20m ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (60s; half an hour in all)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' internal pkg \
		| sed -E 's|^(.*)/[^/]*:func (.*)$$|./\1 \2|' | sort \
		| while read -r package target; do \
			echo "fuzzing $$package $$target"; \
			internal/toolchain/fuzz.sh "$$package" "$$target" '$(FUZZTIME)' || exit 1; \
		done

.PHONY: bench
bench: ## Measure the protocol packages, then the built functions, each beside its floor
	go test -run '^$$' -bench . -benchmem -benchtime '$(BENCHTIME)' -timeout 30m ./pkg/...
	cd bench && go test -run '^$$' -bench . -benchtime '$(BENCHTIME)' ./...

.PHONY: bench-growth
bench-growth: PAIRS := 40
bench-growth: ## Compare closeorder and queryorder with those of a commit: make bench-growth BASE=COMMIT (PAIRS; three minutes)
	@[ -n '$(BASE)' ] || { echo 'make bench-growth BASE=COMMIT: the commit to compare with'; exit 2; }
	cd bench && GROWTH_BASE='$(BASE)' go test -run '^$$' -bench '^BenchmarkGrowth$$' -benchtime '$(PAIRS)x' -timeout=60m ./startup

.PHONY: bench-console
bench-console: SECONDS_OF_ROWS := 60
bench-console: ## Measure the emulator's console in Chromium: bytes of a first load, first paint, frames while 200 and 1,000 rows come a second (four minutes)
	internal/toolchain/install.sh clients
	cd bench && go test -count=1 -v -timeout=10m -run '^TestFirstLoad$$' -bench '^BenchmarkPaint$$' -benchtime 11x ./console
	cd bench && go test -v -timeout=10m -run '^$$' -bench '^BenchmarkStream$$' -benchtime '$(SECONDS_OF_ROWS)x' ./console

.PHONY: screenshots
screenshots: ## Take the pictures of the console that README and docs/console.md show, in docs/img
	internal/toolchain/install.sh clients
	mkdir -p docs/img
	cd bench && go test -count=1 -v -timeout=10m -run '^TestScreenshots$$' ./console -shots '$(CURDIR)/docs/img'

.PHONY: bench-store
bench-store: ROWS := 10000000
bench-store: ## Measure the register: sweeps, deliveries, imports, claims from ten million orders (ROWS) (30 minutes, 8 GB in TMPDIR)
	internal/toolchain/install.sh databases
	@missed=''; \
	measure() { \
		echo "$$2, $$3 in $$1:"; \
		( cd $$1 && go test -tags sqlite,databases -run '^$$' -bench "^Benchmark$$2" -benchtime $$3 -timeout=60m "$${@:4}" ) || missed+=" $$2"; \
	}; \
	measure bench '(Sweep|InProcess|Ends)' 5x ./sweep; \
	measure bench Deliver 1x ./sweep; \
	measure . Direct 300x ./internal/store; \
	measure . Import 5x ./cmd/cloudpay; \
	measure . List 1x ./cmd/cloudpay; \
	measure . FourClaimers 1x ./internal/store; \
	measure . Prune 1x ./internal/store; \
	measure . Claim 500x ./internal/store -rows '$(ROWS)'; \
	measure . Aging 1x ./internal/store -rows '$(ROWS)'; \
	[ -z "$$missed" ] || { echo "Below what is promised:$$missed"; exit 1; }

.PHONY: bench-notices
bench-notices: NOTICES := 2000
bench-notices: ## Measure from a notification to its committed row, on PostgreSQL: 99 of 100 within 50 ms (NOTICES; one minute)
	internal/toolchain/install.sh databases
	go test -tags sqlite,databases -run '^$$' -bench '^BenchmarkTakePostgres$$' -benchtime '$(NOTICES)x' -timeout=20m ./internal/paynotify

.PHONY: lint
lint: $(GOLANGCI) ## Check format, go.mod, generated files, go vet and all linters, here and in bench/
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then printf 'gofmt -w these:\n%s\n' "$$unformatted"; exit 1; fi
	@large=$$(git ls-files -z | xargs -0 sh -c 'find "$$@" -maxdepth 0 -size +1000k' sh); \
	if [ -n "$$large" ]; then printf 'too large for a source file, perhaps a build result:\n%s\n' "$$large"; exit 1; fi
	for module in . bench; do \
		( cd $$module && go mod tidy -diff && go vet ./... && $(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./... ) || exit 1; \
	done
	@before=$$(git status --porcelain; git diff); \
	$(MAKE) generate; \
	if [ "$$before" != "$$(git status --porcelain; git diff)" ]; then \
		echo 'make generate changes files: commit them'; exit 1; \
	fi

.PHONY: generate
generate: ## Generate from code: the README's table of variables, the tables of docs/api.md and of metrics, docs/why.md
	go test -count=1 -run '^TestReadme$$' ./internal/config -update
	go test -count=1 -run '^TestAPIDocumentTables$$' ./internal/order -update
	go test -count=1 -run '^TestMetricsTable$$' ./internal/sweep -update
	go test -count=1 -run '^TestWhyDocument$$' ./internal/cause -update

.PHONY: module
module: ## Give the module another path, to publish it: make module MODULE=example.com/pay/cloudpay
	@go run ./internal/toolchain/module '$(MODULE)'

$(GOLANGCI):
	mkdir -p $(@D)/build
	GOFLAGS= GOBIN=$(@D)/build go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(@D)/build/golangci-lint $@

##@ For deployment

# One binary of a function serves every platform; only the machine and the file's name differ. The
# tag keeps aws-lambda-go from linking net/rpc, a sixth of the binary, for a protocol that Lambda no
# longer speaks.
GOBUILD := CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '-s -w'
# The emulator is for this machine, and its functions keep orders in SQLite.
GOBUILD_HERE := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -tags lambda.norpc,sqlite

.PHONY: build
build: ## Build the functions into dist/, for SCF and CloudBase and for Lambda (arm64), and the emulator for this machine
	rm -rf dist
	for function in $(FUNCTIONS) $(HTTP_FUNCTIONS); do \
		GOARCH=amd64 $(GOBUILD) -tags lambda.norpc -o dist/$$function/main ./functions/$$function; \
		GOARCH=arm64 $(GOBUILD) -tags lambda.norpc -o dist/lambda/$$function/bootstrap ./functions/$$function; \
		$(GOBUILD_HERE) -o dist/emulator/ ./functions/$$function; \
	done; \
	$(GOBUILD_HERE) -o dist/emulator/ ./cmd/cloudpay

.PHONY: package
package: build ## Build and pack the functions for each platform: docs/deploy.md
	pack=$$PWD/.tmp/bin/pack; \
	go build -o $$pack ./internal/toolchain/pack; \
	$$pack $(SCF_ZIP) $(foreach function,$(FUNCTIONS),$(function)=dist/$(function)/main); \
	for function in $(FUNCTIONS) $(HTTP_FUNCTIONS); do \
		main=dist/$$function/main; \
		$$pack dist/custom/$$function.zip bootstrap=$$main; \
		$$pack dist/web/$$function.zip internal/toolchain/pack/scf_bootstrap $$main; \
		$$pack dist/lambda/$$function.zip dist/lambda/$$function/bootstrap; \
	done; \
	for name in $(WEB_ON_CLOUDBASE); do \
		install -D -m 755 dist/web/main dist/$$name/main; \
		install -m 755 internal/toolchain/pack/scf_bootstrap dist/$$name/scf_bootstrap; \
	done

.PHONY: package-test
package-test: package ## Unpack the packages, and call the functions in them, with the emulator too
	CLOUDPAY_DIST=$(CURDIR)/dist go test -count=1 -run '^TestArtefacts$$' ./internal/hosting
	CLOUDPAY_DIST=$(CURDIR)/dist go test -count=1 -run '^TestEmulatorAlone$$' ./cmd/cloudpay
	go test -count=1 -tags lambda.norpc -run '^TestLambda' ./internal/hosting

.PHONY: clean
clean: ## Remove what was built, and the tools in .tmp
	rm -rf dist .tmp
