# Names for what .ci/run and the docs do; nothing is only here.
.DEFAULT_GOAL := help
.PHONY: help demo test race lint format check fuzz golden

FUZZTIME ?= 10m

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## The demo: dev on the embedded model of AWS, and a picture of it
	go run ./sandbox

test: ## All tests
	go test -timeout 30m ./...

race: ## All tests but the simulator's under the race detector (needs a C compiler)
	go test -race -timeout 30m $$(go list ./... | grep -v sandbox/simulate)

lint: ## What .ci/run holds against form: gofmt, vet, linters, workflows
	.ci/run lint

format: ## gofmt on everything
	gofmt -w .

check: ## All that a change has to pass (the same as in a pull request)
	.ci/run

fuzz: ## Each fuzz target for FUZZTIME (10m), one after the other
	.ci/fuzz $(FUZZTIME)

golden: ## Writes golden plans and generated pages anew, to look at in git diff
	go test ./program ./worker/settings ./sandbox/simulate -update
