# One command each; `.venv` makes itself with plain python3, venv and pip when missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

.PHONY: demo test check campaign bench bench-rivals docs lint clean

demo: $(STAMP)  ## the main job, offline, on the simulated exchange
	$(BIN)/alphastock scan equities --provider sim
	$(BIN)/alphastock scan equities --provider sim --where "close > sma_200 and volume_ratio > 1.2" --sort volume_ratio:desc --top 10
	$(BIN)/alphastock chain NIFTY --greeks --strikes 5 --provider sim
	$(BIN)/python examples/simulated_day.py --minutes 60

test: $(STAMP)  ## everything that must hold
	$(BIN)/pytest -n auto --dist loadfile --cov --cov-report=term

check: lint test  ## what a change must pass

campaign: $(STAMP)  ## the fault matrix at the size of a release, half an hour; ROWS="R-2 W-1" SEED=7 for some of it
	$(BIN)/python -m tests.campaign $(ROWS) --seed $(or $(SEED),1)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## our figures; rivals are read from .venv-bench/* where `make bench-rivals` built them
	$(BIN)/python -m tests.benchmarks

bench-rivals: $(STAMP)  ## build the environments of the rivals, one each: they cannot share
	$(PYTHON) -m venv .venv-bench/polars && .venv-bench/polars/bin/pip install -q polars polars_ta polars_talib numpy TA-Lib
	-$(PYTHON) -m venv .venv-bench/vectorbt && .venv-bench/vectorbt/bin/pip install -q vectorbt pyarrow
	-$(PYTHON) -m venv .venv-bench/options && .venv-bench/options/bin/pip install -q numpy pyvolr nautilus_trader QuantLib vollib
	-$(PYTHON) -m venv .venv-bench/options-fast-vollib && .venv-bench/options-fast-vollib/bin/pip install -q fast-vollib numba
	-$(PYTHON) -m venv .venv-bench/options-vectorized && .venv-bench/options-vectorized/bin/pip install -q "numba<0.58" "numpy<1.25" "py_vollib==1.0.1" "py_lets_be_rational==1.0.1" "py_vollib_vectorized==0.1.1" "setuptools<80"

docs: $(STAMP)  ## write docs/cli.md from the help, and the output in README.md from the commands
	$(BIN)/python -m tests.architecture.cli_docs
	$(BIN)/python -m tests.architecture.readme

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the locked packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
