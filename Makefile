# `make` lists what there is to do. Everything a target needs beyond Go, Python 3,
# Java, Maven and a C compiler it fetches itself, once, into .cache/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CACHE := $(CURDIR)/.cache
BIN := $(CACHE)/bin
export PATH := $(BIN):$(PATH)

# Packages run side by side, and tests side by side within one: a real broker
# takes 350 MB and a core while it starts.
TEST_FLAGS ?= -race -shuffle=on -p=2 -parallel=2 -timeout=30m
PACKAGES ?= ./...

GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.12.0
BUF_VERSION := v1.75.0
PROTOC_GEN_GO_VERSION := v1.36.12

.PHONY: help
help: ## this list
	@echo "A streaming model server: models and records come from Kafka, results go back."
	@echo "Begin with 'make demo'. Downloads go to .cache/, and only there."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- build and run ----

# TensorFlow's part: libtensorflow, the stub that loads it, and TENSORFLOW_TAGS
# and TENSORFLOW_ENV for the go command. Where its platform is not supported
# they stay empty and everything else works.
TENSORFLOW_TAGS :=
TENSORFLOW_ENV :=
-include scripts/tensorflow/tensorflow.mk

GO := $(TENSORFLOW_ENV) go
TAGS := $(if $(TENSORFLOW_TAGS),-tags=$(TENSORFLOW_TAGS))

.PHONY: build
build: ## compile bin/modelserver
	@echo "building bin/modelserver (the first time compiles every dependency: a minute or two) …"
	@$(GO) build $(TAGS) -o bin/modelserver ./cmd/modelserver

.PHONY: demo
demo: tensorflow build ## see models being swapped under a stream of wine records
	@$(TENSORFLOW_ENV) bin/modelserver demo

# ---- test ----

.PHONY: test
test: kafka postgres tensorflow ## every test, with the race detector, on a real Kafka, PostgreSQL and libtensorflow
	@echo "go test $(TEST_FLAGS) $(TAGS) $(PACKAGES)"
	@MODELSERVER_REQUIRE_KAFKA=1 MODELSERVER_REQUIRE_POSTGRES=1 $(if $(TENSORFLOW_TAGS),MODELSERVER_REQUIRE_TENSORFLOW=1) \
	$(if $(filter true,$(CI)),MODELSERVER_REQUIRE_SHARED=1) \
	$(GO) test -json $(TEST_FLAGS) $(TAGS) $(PACKAGES) | go run ./scripts/testreport

.PHONY: test-unit
test-unit: ## the tests that need nothing but Go: seconds instead of minutes
	MODELSERVER_KAFKA_HOME=none MODELSERVER_POSTGRES_HOME=none go test -short $(PACKAGES)

.PHONY: bench
bench: tensorflow ## the benchmarks beside the code
	$(GO) test $(TAGS) -run='^$$' -bench=. -benchmem $(PACKAGES)

.PHONY: bench-throughput
bench-throughput: kafka build ## records/s end to end on a real broker, beside the bare Kafka client (5 min)
	go run ./bench/throughput -server bin/modelserver

.PHONY: bench-swap-latency
bench-swap-latency: kafka build ## latency of results around model swaps, at a steady rate (2 min)
	go run ./bench/swaplatency -server bin/modelserver

.PHONY: bench-pmml
bench-pmml: ## the PMML engine beside JPMML, interpreted and transpiled (10 min; the first time downloads 500 MB)
	@bench/pmml/run.sh

.PHONY: bench-swaps
bench-swaps: tensorflow ## what 1,000 swaps of each model type leave behind (3 min)
	$(GO) run $(TAGS) ./bench/swaps

.PHONY: soak
soak: kafka ## servers under faults for FOR (5m), from SEED (one of the clock); more flags in SOAK
	go run ./faults/soak -seed $${SEED:-0} -for $${FOR:-5m} $${SOAK:-}

.PHONY: bench-restore
bench-restore: postgres kafka ## how long a server takes to come back with 1,000 data types, from each store (1 min)
	go run ./bench/restore

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (10s)
	FUZZTIME=$${FUZZTIME:-10s} scripts/fuzz.sh $(PACKAGES)

# ---- check and generate ----

.PHONY: lint
lint: $(BIN)/golangci-lint@$(GOLANGCI_LINT_VERSION) $(BIN)/gofumpt@$(GOFUMPT_VERSION) $(BIN)/buf@$(BUF_VERSION) ## style, vet and likely mistakes
	@unformatted=$$(gofumpt -l $$(git ls-files '*.go' ':!*.pb.go')); \
	  [ -z "$$unformatted" ] || { echo "not formatted (gofumpt -w):"; echo "$$unformatted"; exit 1; }
	buf lint
	@echo "golangci-lint run $(PACKAGES)"
	@$(TENSORFLOW_ENV) golangci-lint run $(if $(TENSORFLOW_TAGS),--build-tags=$(TENSORFLOW_TAGS)) $(PACKAGES)

.PHONY: generate
generate: $(BIN)/buf@$(BUF_VERSION) $(BIN)/protoc-gen-go@$(PROTOC_GEN_GO_VERSION) ## Go code of proto/
	buf generate

.PHONY: generate-check
generate-check: $(BIN)/buf@$(BUF_VERSION) $(BIN)/protoc-gen-go@$(PROTOC_GEN_GO_VERSION) ## is the generated code up to date?
	@rm -rf $(CACHE)/generated && buf generate --output $(CACHE)/generated
	@diff -ru --exclude='*_test.go' --exclude='doc.go' $(CACHE)/generated/messages messages || \
	  { echo "messages/ is not what proto/ says: run 'make generate'"; exit 1; }
	@echo "messages/ is up to date"

# ---- what the other targets need ----

.PHONY: kafka
kafka: $(CACHE)/kafka/ready ## bring Apache Kafka's broker, for the tests

$(CACHE)/kafka/ready: scripts/kafka/pom.xml
	@go run ./scripts/kafka
	@touch $@

.PHONY: postgres
postgres: $(CACHE)/postgres.ready ## bring PostgreSQL, for the tests, where none is installed

$(CACHE)/postgres.ready: scripts/postgres/pom.xml
	@mkdir -p $(CACHE)
	@go run ./scripts/postgres
	@touch $@

.PHONY: tensorflow
tensorflow: ## bring libtensorflow

# A tool's stamp carries its version, so that a new version is a new file.
define tool
$(BIN)/$(1)@$(3):
	@echo "building $(1) $(3) (once, into .cache/bin) …"
	GOBIN=$(BIN) GOFLAGS= go install $(2)@$(3)
	@rm -f $(BIN)/$(1)@* && touch $$@
endef
$(eval $(call tool,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION)))
$(eval $(call tool,gofumpt,mvdan.cc/gofumpt,$(GOFUMPT_VERSION)))
$(eval $(call tool,buf,github.com/bufbuild/buf/cmd/buf,$(BUF_VERSION)))
$(eval $(call tool,protoc-gen-go,google.golang.org/protobuf/cmd/protoc-gen-go,$(PROTOC_GEN_GO_VERSION)))

.PHONY: clean
clean: ## remove what was built and downloaded
	chmod -R u+w .cache bin 2>/dev/null || true
	rm -rf .cache bin
