# The commands of a developer. `make` lists them.

GOFUMPT     = go tool -modfile=tools/go.mod gofumpt
STATICCHECK = go tool -modfile=tools/go.mod staticcheck

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## build the program into dist/
	go build -trimpath -o dist/blotter ./cmd/blotter

.PHONY: demo
demo: ## a first look: a database, bars, a question
	go run ./cmd/blotter demo

.PHONY: test
test: ## the tests; a PostgreSQL is found or downloaded
	go test ./...

.PHONY: check
check: ## what CI asks for: format, vet, staticcheck, import table, tests with -race, defects built in
	@echo '== gofumpt'
	@out=$$($(GOFUMPT) -l . bench); test -z "$$out" || { echo "not formatted (make format):"; echo "$$out"; exit 1; }
	@echo '== go vet'
	go vet ./...
	go vet -tags data ./barfile ./fillfile
	cd bench && go vet ./...
	go -C tools vet ./mutants
	@echo '== staticcheck'
	$(STATICCHECK) ./...
	@echo '== import table'
	go test -count=1 -v -run TestImportTable .
	@echo '== the tests, each once, with -race'
	go test -race -timeout 20m ./...
	go -C tools test ./mutants
	@echo '== built-in defects are noticed'
	go -C tools run ./mutants -defects ./events,./chaos

.PHONY: alerts
alerts: ## what the alert rules say of made-up series; needs Prometheus' promtool
	cd docs/prometheus && promtool check rules alerts.yaml && promtool test rules alerts_test.yaml

.PHONY: format
format: ## format the code
	$(GOFUMPT) -w . bench

.PHONY: data
data: ## read the real files of DATA=folder (manifest.csv), compare the results with docs/real-files.md
	go test -tags data ./barfile -run 'TestManifest|TestVendorPairs' -count=1 -timeout 30m -data "$(abspath $(DATA))"
	go test -tags data ./fillfile -run TestRealFiles -count=1 -data "$(abspath $(DATA))"

.PHONY: fuzz
fuzz: ## fuzz the NUMERIC codec, every bar format, the fills and the events, a minute each
	go test ./internal/numeric -run '^$$' -fuzz 'FuzzNumeric$$' -fuzztime 60s
	go test ./postgres -run '^$$' -fuzz FuzzNumericAgainstTheServer -fuzztime 60s
	for fuzz in $$(go test ./barfile -list 'Fuzz.*' | grep Fuzz); do go test ./barfile -run '^$$' -fuzz "^$$fuzz$$" -fuzztime 60s || exit 1; done
	go test . -run '^$$' -fuzz FuzzParseTradeData -fuzztime 60s
	go test ./events -run '^$$' -fuzz FuzzMessageEncoding -fuzztime 60s
	go test ./fillfile -run '^$$' -fuzz FuzzFills -fuzztime 60s -fuzzminimizetime 1s

.PHONY: torture
torture: ## attack the book, the audit log, imports and archives in full: 200,000 fills, 100,000 changes, everything killed
	go test ./postgres -count=1 -v -timeout 60m -run 'TestBookTorture|TestCutCommits|TestKilledClients|TestKilledServer' \
		-fills 200000 -cuts 500 -kills 50 -crashes 5
	go test ./postgres -count=1 -v -timeout 30m -run TestTwoAccountsOnePool -storm 60s
	go test ./audit -count=1 -v -timeout 30m -run TestSealersAreKilled -changes 100000
	go test ./cmd/blotter -count=1 -v -timeout 30m -run 'TestKilledImport$$' -import-kills 50
	go test ./cmd/blotter -count=1 -v -timeout 30m -run TestServeUnderLoad -load-span 60s
	go test ./events -count=1 -v -timeout 30m -run TestKilledRelays -kills 50 -redis-kills 10
	go test ./maintenance -count=1 -v -timeout 30m -run TestKilledArchive -log-kills 50

.PHONY: chaos
chaos: ## kill everything in full, beside hostile writers: 100 projectors, 100 relays, PostgreSQL 15 times, Redis 5 times
	go test ./chaos -count=1 -v -timeout 60m -run TestChaos -kills 100 -crashes 10 -relay-kills 100 -redis-kills 5 -flush

.PHONY: failovers
failovers: ## fail over 200 times to a replica that is behind, under a consumer whose cursor is elsewhere
	go test ./events -count=1 -v -timeout 120m -run 'TestFailover$$' -failovers 200

.PHONY: chaos-short
chaos-short: ## the same in short, and that every built-in defect is noticed
	go test ./chaos -count=1
	go -C tools run ./mutants -defects ./events,./chaos

.PHONY: flood
flood: ## flood the database as one account for a minute, and take the figures of another's fills; wants a quiet machine
	go test ./chaos -count=1 -v -timeout 30m -run TestFloodingTenant -flood 60s
	go test ./events -count=1 -v -timeout 30m -run TestOldEventsOfTwentyMegabytes -large-events 30

N ?= 100
SEED ?= 1
FILES ?= money
TIME ?= 40m
.PHONY: mutants
mutants: ## build N=100 small defects in (FILES=money or all, SEED=1), one at a time, and list those that no test notices
	go -C tools test ./mutants
	go -C tools run ./mutants -n $(N) -seed $(SEED) -files '$(FILES)' -time $(TIME)

.PHONY: calendar
calendar: ## all tests at other dates and in other zones, and a daemon across ends of months; takes an hour
	tools/calendar

.PHONY: tidy-report
tidy-report: ## measure how readable the source is (ARGS='-C ../other', ARGS='-list events')
	go run ./internal/tidy/tidyreport $(ARGS)

.PHONY: release
release: ## build the archives of a release into dist/release, with SHA256SUMS
	tools/release

.PHONY: bench
bench: ## blotter and its peers side by side, as ratios
	cd bench && go test -run '^$$' -bench . -benchtime 1x -timeout 60m

.PHONY: bench-quick
bench-quick: ## fills by blotter and its peers, in four minutes: rates, processor's time, right answers
	cd bench && go test -run '^$$' -bench 'Fills$$' -benchtime 1x -timeout 20m -repetitions 1 -fill-span 2s

.PHONY: bench-goals
bench-goals: ## the goals of speed with today's ratios, on a quiet machine; needs pgbench, psql and valgrind
	cd bench && go test -run '^$$' -bench 'Goals$$|Import$$|Portfolio$$|AccountSingleRead|EventLatency|EventDrain|RelayDrain' \
		-benchtime 1x -timeout 60m
	$(MAKE) bench-instructions

.PHONY: bench-instructions
bench-instructions: ## the server's instructions a fill, which no load changes; needs valgrind
	cd bench && go test -run '^$$' -bench 'Instructions$$' -benchtime 1x -timeout 20m -instructions

SYMBOLS ?= 100
.PHONY: bench-bars
bench-bars: ## a year of minute bars of 10, 100 (SYMBOLS=1000: also 1,000) symbols: load it, and ask
	cd bench && go test -run '^$$' -bench Scale -benchtime 1x -timeout 3h -symbols $(SYMBOLS)

.PHONY: screenshots
screenshots: ## make the pictures of docs/dashboard.md again; needs Chromium
	tools/screenshots

.PHONY: catalog
catalog: ## write what migrate verify compares with, after a change of the migrations
	go test ./schema -run TestCatalogIsUpToDate -update
