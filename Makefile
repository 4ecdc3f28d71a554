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
UV := build/lock/bin/uv
COMPILE := $(UV) pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url --extra lab

.PHONY: demo test pytest lint format samples reports bench clean wheel lock lock-upgrade lock-check test-newest test-lowest

demo: $(VENV)/demo ## Install, start the lab, verify a host on real Envoy traffic, audit a mesh's traffic.
	@echo "--- a mesh of real Envoy processes, one request, its proof:"
	$(BIN)/egressaudit lab run -- $(BIN)/egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
	@echo "--- a mesh with traffic of its own, audited against a policy; exit code 10, for one workload breaks it:"
	$(BIN)/egressaudit lab run --scenario whole-mesh -- $(BIN)/egressaudit audit -A --since 1m \
	  --policy egressaudit_lab/scenarios/whole-mesh/policy.yaml || test $$? -eq 10

test: lint pytest ## Lint, types, import contracts; then every test against the built wheel, end to end on real Envoy.

pytest: wheel
	$(BIN)/pytest -n $(JOBS) --dist worksteal
	@$(BIN)/python tools/reports.py --check

lint: $(VENV)/dev lock-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd native && cargo fmt --check && PYO3_BUILD_EXTENSION_MODULE=1 cargo clippy --quiet --release --locked -- -D warnings

format: $(VENV)/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cd native && cargo fmt

wheel: $(VENV)/dev ## Build the wheel and install it: the tests import it, not the checkout.
	@rm -rf $(VENV)/wheel
	@$(BIN)/python -m pip wheel --quiet $(UNLOCKED) --wheel-dir $(VENV)/wheel .
	@$(BIN)/python -m pip install --quiet --no-deps --no-index --force-reinstall $(VENV)/wheel/*.whl

samples: wheel ## Write sample_logs/ anew by running every scenario of the lab.
	$(BIN)/python tools/samples.py

reports: wheel ## Write reports/ anew from sample_logs/.
	$(BIN)/python tools/reports.py

bench: ## Measure in an environment as a user has it, without the development tools.
	$(PYTHON) -m venv --clear build/bench
	$(call install,build/bench,requirements/pip.txt)
	$(call install,build/bench,requirements/bench.txt)
	build/bench/bin/python -m pip install --quiet $(UNLOCKED) .
	build/bench/bin/python benchmarks/verify.py
	build/bench/bin/python benchmarks/parse.py
	build/bench/bin/python benchmarks/audit.py

# Every lock but dev.txt is a part of dev.txt or stands alone, so one environment can hold several.
lock: $(UV) ## Write requirements/ anew from pyproject.toml; what is locked stays as it is where it still fits.
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

lock-check: $(VENV)/dev ## The lock fits pyproject.toml; needs no network.
	$(BIN)/python tools/lock_check.py

test-newest: $(UV) ## make test with the newest versions that pyproject.toml allows, whatever is locked.
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
	$(PYTHON) -m venv $(VENV)
	$(call install,$(VENV),$<)
	@touch $@

$(VENV)/demo: requirements/lab.txt $(VENV)/pip pyproject.toml
	$(call install,$(VENV),$<)
	$(BIN)/python -m pip install --quiet $(UNLOCKED) .
	@touch $@

$(VENV)/dev: $(LOCK) $(VENV)/pip
	$(call install,$(VENV),$<)
	@touch $@
