# Everything happens in .venv; nothing global. `make demo` and `make test` are all that is needed.
PYTHON ?= python3
BIN := .venv/bin
# Packages are installed without bytecode, which keeps the environment small; what is imported is compiled and cached
# then, whatever the surrounding shell says.
export PYTHONDONTWRITEBYTECODE =
export PIP_DISABLE_PIP_VERSION_CHECK = 1
INSTALL = $(BIN)/python -m pip install --quiet --no-compile

.PHONY: demo test quick faults figures pictures worlds lint types bento serve lock clean help audit

help:
	@echo "make demo   a synthetic company, end to end, in ./demo"
	@echo "make test   lint, types, tests and doctests"
	@echo "make quick  the tests that take no more than a few seconds each"
	@echo "make faults  what is killed, damaged, full and away, by the hundred, with its counts (an hour; TIMES=20 is quicker)"
	@echo "make figures   the README's figures, worked out anew"
	@echo "make pictures   README's pictures, from the demo into docs/pictures"
	@echo "make worlds   the model and simple yardsticks on companies that it was not made on, into docs/worlds.md"
	@echo "make audit  an SBOM of what the service installs, and its known weaknesses"
	@echo "make serve  the endpoint, on the demo's model"
	@echo "make bento  the service as a bento, with what serving needs and no more"
	@echo "make lock   writes requirements*.txt anew from pyproject.toml (needs uv)"
	@echo "make clean  removes .venv, demo/ and caches"

.venv/made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/run.stamp: requirements.txt pyproject.toml | .venv/made
	$(INSTALL) --require-hashes -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	$(INSTALL) --require-hashes -r requirements-dev.txt
	touch $@

demo: .venv/run.stamp
	$(BIN)/forewarn demo --dir demo

bento: .venv/run.stamp
	BENTOML_DO_NOT_TRACK=True $(BIN)/bentoml build

serve: .venv/run.stamp
	$(BIN)/forewarn --config demo/forewarn.yaml serve

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

test: lint types
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not minutes"

# Whatever takes more than a few seconds is marked `slow`, by hand or by the fixture it asks for (tests/conftest.py).
quick: .venv/dev.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not minutes"

# Faults that are really caused, on a copy of the demo; `make test` causes a few of each.
TIMES ?= 200
faults: .venv/dev.stamp
	test -d demo || $(BIN)/forewarn demo --dir demo
	$(BIN)/python -m tests.faults.run --project demo --times $(TIMES)

# The README's figures, printed; the public data sets are skipped where FOREWARN_DATA does not name them.
figures: .venv/dev.stamp
	$(BIN)/python -m pytest tests/figures tests/features/checks/test_overwritten_ends.py -s --timeout 0

# README's pictures of an account, the worklist and the report, from the demo in ./demo (make demo).
pictures: .venv/dev.stamp
	$(BIN)/python -m tests.benchmarks.pictures demo docs/pictures

# The model beside yardsticks made by hand, world by world (hours; --worlds NAME and --small run a part).
worlds: .venv/dev.stamp
	$(BIN)/python tests/benchmarks/worlds/run.py --write

# What the service installs, as an SBOM (CycloneDX), and whether any of it has a known weakness; asks PyPI.
AUDIT := build/audit
audit:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet pip-audit cyclonedx-bom
	$(AUDIT)/bin/cyclonedx-py requirements requirements-serve.txt --of JSON -o build/sbom.json
	@echo "written to build/sbom.json"
	$(AUDIT)/bin/pip-audit -r requirements-serve.txt --require-hashes --disable-pip

UV ?= uv
COMPILE = $(UV) pip compile --universal --generate-hashes -q --no-emit-index-url --custom-compile-command "make lock"
lock:
	$(COMPILE) pyproject.toml --group build -o requirements.txt
	$(COMPILE) pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group serve -c requirements.txt -o requirements-serve.txt

clean:
	rm -rf .venv demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
