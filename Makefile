# `make` alone says what there is to make. Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INTEL  ?= pcaps/office.intel.txt
DEMO   ?= pcaps/office.pcapng

# One worker more than there are cores, since many tests wait for programs and peers.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST = pytest -p tests.workers --workers $(WORKERS)
SPREAD = $(BIN)/python -m $(PYTEST)

KERNELS := $(shell find sensor -name '*.pyx' -o -name '*.pxd')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: docs help demo test test-all test-console test-newcomer test-systemd coverage mutation fuzz bench bench-floor records-bench console-bench hub-bench soak soak-memory lint format wheel deb build clean

help: ## this list
	@echo "Passive network sensor. What you can make:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Start with \`make demo\`. Another Python than python3: make PYTHON=python3.12 demo"

demo: build ## set up, replay a small office and show its devices and alerts
	@$(BIN)/sensor replay $(DEMO) --intel $(INTEL)

test: build ## all tests, what is exhaustive as a sample (ARGS="-k dhcp" picks some; SENSOR_SEED=N has the sample of a run again)
	@$(SPREAD) $(ARGS)

test-all: build ## all tests, what is exhaustive as a whole
	@SENSOR_WHOLE=1 $(SPREAD) $(ARGS)

test-console: build ## the console in a browser: every page, WCAG 2.2 by axe-core, attacks, uploads, schemathesis (installs playwright; needs Debian's chromium)
	@$(BIN)/python -m pip install --quiet playwright axe-playwright-python schemathesis
	@$(BIN)/python -m pytest tests/console $(ARGS)

test-systemd: build deb ## the package on a real Debian that is booted in a container: root, some minutes
	@SENSOR_SYSTEMD=1 $(BIN)/python -m pytest tests/systemd $(ARGS)

test-newcomer: build ## README's first commands on a bare Debian: root, a quarter of an hour
	@SENSOR_NEWCOMER=1 $(BIN)/python -m pytest -s tests/systemd/test_newcomer.py $(ARGS)

coverage: build ## lines and branches of sensor/ that the tests run, and the files below 85 % (ARGS="tests/alerts" for some)
	@mkdir -p build/coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m $(PYTEST) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet
	@$(BIN)/python -m tests.coverage_gaps

mutation: build ## small faults put into functions: how many make tests fail (ARGS="--rooms alerts --mutants 0" for all of a room)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.mutation.run $(ARGS)

fuzz: build ## a million changed messages for each dissector: hours (ARGS="--cases 10000 sip" for less)
	@$(BIN)/python -m tests.fuzz.mill $(ARGS)
	@$(BIN)/python -m tests.native.mill $(ARGS)

bench: build ## the figures of docs/operate/performance.md, measured here
	@$(BIN)/python -m tests.perf.bench $(ARGS)

bench-floor: build ## instructions of a replay of the office: fails 15 % above the figure kept (ARGS=--keep keeps another)
	@$(BIN)/python -m tests.perf.floor $(ARGS)

records-bench: build ## searches and hunts over made connections (ARGS="--rows 5000000" for less than 50 million)
	@$(BIN)/python -m tests.perf.records_bench $(ARGS)

console-bench: build ## errors, latencies and memory of the console under load, beside a sensor at 50,000 packets/s (ARGS="--seconds 60" for less than 10 minutes)
	@$(BIN)/python -m tests.perf.console_load $(ARGS)

hub-bench: build ## events a second from many sensors through NATS JetStream into PostgreSQL (ARGS="--sensors 100" for less)
	@$(BIN)/python -m tests.hub.bench $(ARGS)

soak: build ## kill -9, outages and slow receivers for a quarter of an hour, and what held (ARGS="--only outages" for some)
	@$(BIN)/python -m tests.reliability.soak $(ARGS)

soak-memory: build ## what `sensor run` takes over two hours on a wire (ARGS="--minutes 10" for less)
	@$(BIN)/python -m tests.reliability.soak_memory $(ARGS)

lint: build ## must be clean before a commit: ruff, ruff format, mypy, words and names of docs/banned_*.yaml
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict sensor
	@$(BIN)/python -m pytest --quiet --no-header --durations=0 tests/principles/test_words.py tests/principles/test_names.py

calibrate: build ## measure confidence and severity on labelled captures (CAPTURES=folder with manifest.yaml) and write docs/understand/calibration.md
	@test -n "$(CAPTURES)" || { echo "make calibrate CAPTURES=folder: the folder holds manifest.yaml and the captures it lists" >&2; exit 2; }
	@$(BIN)/python -m docs.calibrate "$(CAPTURES)"

docs: build $(BIN)/mkdocs ## the documentation as a site in build/site, with strict link checks
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/README.html"

format: build ## let ruff mend what it can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

wheel: build ## a wheel in dist/, to be installed anywhere
	@rm -rf build/lib* build/bdist*  # what an earlier build left there would be shipped
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

deb: ## a Debian package in dist/, for the Debian that it is built on
	@/usr/bin/python3 packaging/debian/build.py

build: $(VENV)/built ## .venv with the sensor in it, kernels compiled

clean: ## away with .venv and everything made
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find sensor \( -name '*.so' -o -name '*.c' -o -name __pycache__ \) -prune -exec rm -rf {} +
	@find tests pcaps -name __pycache__ -prune -exec rm -rf {} +

# What is missing on this machine, in one line with the command that installs it. Runs on any Python 3, old ones too.
define PROBE
import os, shlex, shutil, sys, sysconfig
missing, apt, dnf = [], [], []
asked = os.path.basename(sys.argv[1])
name = "python3" if asked in ("python", "python3") else "python%d.%d" % sys.version_info[:2]
def need(ok, what, debian, fedora):
    if not ok:
        missing.append(what), apt.append(debian), dnf.append(fedora)
def importable(*modules):
    try:
        return all(map(__import__, modules))
    except ImportError:
        return False
compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
old = sys.version_info < (3, 11)
if old:
    need(False, "Python 3.11 or newer (%s is %d.%d; name another with PYTHON=...)" % ((asked,) + sys.version_info[:2]), "python3.11 python3.11-venv python3.11-dev", "python3.11 python3.11-devel")
else:
    need(importable("venv", "ensurepip"), "the venv module", name + "-venv", name)
    need(os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")), "the Python headers", name + "-dev", name + "-devel")
need(shutil.which(compiler), "a C compiler (" + compiler + ")", "gcc libc6-dev", "gcc")
if missing:
    sys.exit("cannot build here without %s. Debian/Ubuntu: sudo apt install %s  Fedora: sudo dnf install %s" % (", ".join(missing), " ".join(apt), " ".join(dnf)))
endef
export PROBE

define probe
@command -v $(PYTHON) >/dev/null || { echo "cannot build here without Python ($(PYTHON) not found). Debian/Ubuntu: sudo apt install python3 python3-venv python3-dev gcc libc6-dev  Fedora: sudo dnf install python3 python3-devel gcc" >&2; exit 1; }
@$(PYTHON) -c "$$PROBE" $(PYTHON)
endef

# The extra `docs`, whose packages the sensor itself does not need.
define EXTRA
import configparser
config = configparser.ConfigParser()
config.read("setup.cfg")
print(*config["options.extras_require"]["docs"].split())
endef
export EXTRA

$(BIN)/mkdocs: setup.cfg | $(VENV)/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python -c "$$EXTRA")
	@touch $@

# Stamps: .venv is made once, filled again when the lists of what it holds change, kernels compiled again when one of them changed.
$(BIN)/python:
	$(probe)
	@echo "making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml setup.py | $(BIN)/python
	$(probe)
	@echo "installing what the sensor needs into $(VENV) and compiling its kernels (two to three minutes on two cores)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "setuptools>=77" "Cython>=3.1" wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable ".[test,lint]"
	@touch $@

# Installing compiles the kernels too, so that only those changed since are compiled here.
$(VENV)/built: $(VENV)/installed $(KERNELS)
	$(probe)
	@[ -z "$$(find $(KERNELS) -newer $(VENV)/installed)" ] || \
	$(BIN)/python setup.py build_ext --inplace >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log >&2; exit 1; }
	@touch $@
