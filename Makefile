# The only task runner. `make demo` and `make test` need nothing but Python 3.11+, pip and make.
PYTHON      ?= python3
VENV        ?= .venv
CONSTRAINTS ?= constraints/cpu.txt
BIN         := $(VENV)/bin
PIP         := $(BIN)/python -m pip --disable-pip-version-check
CONSTRAIN   := $(if $(CONSTRAINTS),-c $(CONSTRAINTS))

.PHONY: demo run test accept check programs evaluate bench-receive bench-echo bench-results benchmark soak fuzz clean

demo: $(VENV)/.installed  ## the whole road on real images: receive, enhance, segment, deliver, audit
	$(BIN)/dicom-node demo $(if $(ONCE),--once) $(if $(STUDY),--study "$(STUDY)")

run: $(VENV)/.installed  ## the node with safe defaults on this machine
	$(BIN)/dicom-node serve $(if $(CONFIG),--config "$(CONFIG)")

test: programs $(VENV)/.installed-dev  ## unit and integration tests on the real programs
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST)

accept: programs $(VENV)/.installed-dev  ## acceptance tests; set DICOM_NODE_SAMPLES to a folder of real images
	$(BIN)/python -m pytest tests/acceptance $(PYTEST)

check: $(VENV)/.installed-dev  ## format, lint, types, layers and unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2 tests/unit

evaluate: $(VENV)/.installed-dev  ## the figures of the model cards, on the folder DICOM_NODE_SAMPLES
	$(BIN)/python -m pipelines.evaluation.ct --samples "$(DICOM_NODE_SAMPLES)"
	$(BIN)/python -m pipelines.evaluation.modalities --samples "$(DICOM_NODE_SAMPLES)"

bench-receive: programs $(VENV)/.installed-dev  ## reception beside storescp and Orthanc: ratios on this machine
	$(BIN)/python -m benchmarks.receive $(BENCH)

bench-echo: programs $(VENV)/.installed-dev  ## how long an echo takes while others misbehave
	$(BIN)/python -m benchmarks.echo_under_attack $(BENCH)

bench-results: $(VENV)/.installed-dev  ## an enhanced series and a SEG of 20 segments: seconds and memory to write and check
	$(BIN)/python -m benchmarks.results $(BENCH)

benchmark: bench-receive

soak: programs $(VENV)/.installed-dev  ## kill -9 under load, 200 times; SOAK="--kills 50 --seed 7"
	$(BIN)/python -m tests.soak $(SOAK)

fuzz: $(VENV)/.installed-dev  ## a million broken PDUs, 100,000 broken data sets; FUZZ="--seconds 60" for a short run
	$(PIP) install -q $(CONSTRAIN) --group fuzz
	$(BIN)/python -m tests.fuzz $(FUZZ)

programs:  ## what the tests talk to: Orthanc, dcmtk, dicom3tools, PostgreSQL, Chromium
	@sh tests/programs.sh

clean:
	rm -rf $(VENV) .cache demo build dist

# torch goes first and alone: under the constraint it is the CPU build, without it the CUDA build.
$(VENV)/.installed: pyproject.toml $(wildcard $(CONSTRAINTS))
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q --upgrade pip
	$(PIP) install -q $(CONSTRAIN) torch
	$(PIP) install -q $(CONSTRAIN) -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install -q $(CONSTRAIN) --group dev
	touch $@
