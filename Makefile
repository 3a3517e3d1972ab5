# `make` alone lists all targets. Everything is installed in .venv; nothing else on the host changes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INTEL  ?= pcaps/office.intel.txt
DEMO   ?= pcaps/office.pcapng

# Three workers for two cores: some always run tests that wait for programs and peers. A fourth takes 200 MB.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
PYTEST = pytest -p tests.workers --workers $(WORKERS)
SPREAD = $(BIN)/python -m $(PYTEST)
# Modules are compiled when they are first imported; many never are.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

KERNELS := $(shell find sensor -name '*.pyx' -o -name '*.pxd')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: docs help demo test test-all test-endurance test-console test-newcomer test-systemd coverage mutation fuzz bench bench-floor records-bench console-bench hub-bench hub-lists-bench soak soak-memory lint format wheel deb tools build clean

help: ## list all targets
	@echo "Passive network sensor. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo "Start with \`make demo\`. To use another Python than python3: make PYTHON=python3.12 demo"

demo: build ## set up .venv, replay the office capture, show devices and alerts
	@$(BIN)/sensor replay $(DEMO) --intel $(INTEL)
	@echo "Next: $(BIN)/sensor explain 10.20.10.62 (evidence), $(BIN)/sensor overview (what to do), $(BIN)/sensor console (browser)"

test: tools ## run a sample of the tests (ARGS="-k dhcp" selects tests; SENSOR_SEED=N repeats a sample; CASES=all: every test, as in CI)
	@$(SPREAD) $(if $(filter all,$(CASES)),,-p tests.cases) $(ARGS)

test-all: tools ## run all tests with all cases, exhaustive tests in full
	@SENSOR_WHOLE=1 $(SPREAD) $(ARGS)

test-endurance: tools ## repeat kills, outages, damages and random trials many times (hours)
	@SENSOR_ENDURANCE=1 $(SPREAD) -m endurance $(ARGS)

test-console: tools ## test the console in a browser: pages, WCAG 2.2 (axe-core), attacks, uploads, schemathesis (installs playwright; needs chromium of Debian)
	@$(INSTALL) playwright axe-playwright-python schemathesis
	@$(BIN)/python -m pytest tests/console $(ARGS)

test-systemd: tools deb ## test the package on Debian booted in a container (root; a few minutes)
	@SENSOR_SYSTEMD=1 $(BIN)/python -m pytest tests/systemd $(ARGS)

test-newcomer: tools ## run the first commands of README on a minimal Debian (root; 15 minutes)
	@SENSOR_NEWCOMER=1 $(BIN)/python -m pytest -s tests/systemd/test_newcomer.py $(ARGS)

coverage: tools ## measure line and branch coverage of sensor/, list files below 85 % (ARGS="tests/alerts" selects tests)
	@mkdir -p build/coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m $(PYTEST) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet
	@$(BIN)/python -m tests.coverage_gaps

mutation: tools ## mutation testing: inject faults, count those that tests detect (ARGS="--rooms alerts --mutants 0": all of one package)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.mutation.run $(ARGS)

fuzz: tools ## fuzz each dissector with a million mutated messages (hours; ARGS="--cases 10000 sip" for fewer)
	@$(BIN)/python -m tests.fuzz.mill $(ARGS)
	@$(BIN)/python -m tests.native.mill $(ARGS)
	@$(BIN)/python -m tests.native.stream_mill $(ARGS)

bench: tools ## measure the figures of docs/operate/performance.md on this host
	@$(BIN)/python -m tests.perf.bench $(ARGS)

bench-floor: tools ## count instructions of the office replay; fails if 15 % above the stored figure (ARGS=--keep stores a new one)
	@$(BIN)/python -m tests.perf.floor $(ARGS)

records-bench: tools ## measure searches and hunts over generated connections (ARGS="--rows 5000000" for fewer than 50 million)
	@$(BIN)/python -m tests.perf.records_bench $(ARGS)

console-bench: tools ## measure errors, latencies and memory of the console under load (ARGS="--seconds 60" for less than 10 minutes)
	@$(BIN)/python -m tests.perf.console_load $(ARGS)

hub-bench: tools ## measure events per second of many sensors through NATS JetStream into PostgreSQL (ARGS="--sensors 100" for fewer)
	@$(BIN)/python -m tests.hub.bench $(ARGS)

hub-lists-bench: tools ## measure lists and searches of a hub with 1,000,000 alerts (ARGS="--scale 1" for 10,000,000)
	@$(BIN)/python -m tests.hub.bench_lists $(ARGS)

soak: tools ## soak test of 15 minutes: kill -9, outages, slow receivers; reports lost events (ARGS="--only outages" selects one)
	@$(BIN)/python -m tests.reliability.soak $(ARGS)

soak-memory: tools ## measure the memory of `sensor run` during two hours of live traffic (ARGS="--minutes 10" for less)
	@$(BIN)/python -m tests.reliability.soak_memory $(ARGS)

lint: tools ## check before a commit: ruff, ruff format, mypy, banned words and names (docs/banned_*.yaml)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict sensor
	@$(BIN)/python -m pytest --quiet --no-header --durations=0 tests/principles/test_words.py tests/principles/test_names.py

calibrate: tools ## measure confidence and severity on labelled captures (CAPTURES=folder with manifest.yaml) and write docs/understand/calibration.md
	@test -n "$(CAPTURES)" || { echo "make calibrate CAPTURES=folder: the folder holds manifest.yaml and the captures it lists" >&2; exit 2; }
	@$(BIN)/python -m docs.calibrate "$(CAPTURES)"

docs: tools $(BIN)/mkdocs ## build the documentation site in build/site, with strict link checks
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/README.html"

format: tools ## format the code, and apply automatic fixes of ruff
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

wheel: build ## build a wheel in dist/
	@rm -rf build/lib* build/bdist*  # files of an earlier build would be included
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

deb: ## build a Debian package in dist/, for the Debian release of this host
	@/usr/bin/python3 packaging/debian/build.py

tools: build $(VENV)/tools ## install the packages that tests and checks need

build: $(VENV)/built ## install the sensor in .venv and compile its kernels

clean: ## delete .venv and all build products
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find sensor \( -name '*.so' -o -name '*.c' -o -name __pycache__ \) -prune -exec rm -rf {} +
	@find tests pcaps fingerprints -name __pycache__ -prune -exec rm -rf {} +

# Prints missing requirements in one line, with the command that installs them. Runs on any Python 3.
define PROBE
import os, shlex, shutil, sys, sysconfig
missing, apt, dnf = [], [], []
program = os.path.basename(sys.argv[1])
name = "python3" if program in ("python", "python3") else "python%d.%d" % sys.version_info[:2]
def need(present, requirement, debian, fedora):
    if not present:
        missing.append(requirement), apt.append(debian), dnf.append(fedora)
def importable(*modules):
    try:
        return all(map(__import__, modules))
    except ImportError:
        return False
compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
old = sys.version_info < (3, 11)
if old:
    need(False, "Python 3.11 or newer (%s is %d.%d; select another with PYTHON=...)" % ((program,) + sys.version_info[:2]), "python3.11 python3.11-venv python3.11-dev", "python3.11 python3.11-devel")
else:
    need(importable("venv", "ensurepip"), "the venv module", name + "-venv", name)
    need(os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")), "the Python headers", name + "-dev", name + "-devel")
need(shutil.which(compiler), "a C compiler (" + compiler + ")", "gcc libc6-dev", "gcc")
if missing:
    sys.exit("cannot build without %s. Debian/Ubuntu: sudo apt install %s  Fedora: sudo dnf install %s" % (", ".join(missing), " ".join(apt), " ".join(dnf)))
endef
export PROBE

define probe
@command -v $(PYTHON) >/dev/null || { echo "cannot build without Python ($(PYTHON) not found). Debian/Ubuntu: sudo apt install python3 python3-venv python3-dev gcc libc6-dev  Fedora: sudo dnf install python3 python3-devel gcc" >&2; exit 1; }
@$(PYTHON) -c "$$PROBE" $(PYTHON)
endef

# Prints the packages that the sensor and the named extras require, without the sensor itself.
define REQUIREMENTS
import configparser, sys
config = configparser.ConfigParser()
config.read("setup.cfg")
lists = [config["options"]["install_requires"], *(config["options.extras_require"][name] for name in sys.argv[1:])]
print(*(line.replace(" ", "") for text in lists for line in text.splitlines() if line))
endef
export REQUIREMENTS

$(BIN)/mkdocs: setup.cfg | $(VENV)/installed
	@$(INSTALL) $$($(BIN)/python -c "$$REQUIREMENTS" docs)
	@touch $@

# Stamps: .venv is created once, its packages are installed again when their lists change, kernels are compiled again when
# one changes.
$(BIN)/python:
	$(probe)
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml setup.py | $(BIN)/python
	$(probe)
	@echo "installing dependencies into $(VENV) and compiling kernels (two minutes on two cores)"
	@$(INSTALL) "setuptools>=77" "Cython>=3.1" wheel
	@$(INSTALL) --no-build-isolation --no-deps --editable . & compilation=$$!; \
	$(INSTALL) $$($(BIN)/python -c "$$REQUIREMENTS" all) || { kill $$compilation; exit 1; }; \
	wait $$compilation
	@touch $@

# What tests and checks need besides.
$(VENV)/tools: setup.cfg | $(VENV)/installed
	@echo "installing tools for tests and checks into $(VENV)"
	@$(INSTALL) $$($(BIN)/python -c "$$REQUIREMENTS" test lint)
	@touch $@

# The installation compiles all kernels; this compiles those that changed since.
$(VENV)/built: $(VENV)/installed $(KERNELS)
	$(probe)
	@[ -z "$$(find $(KERNELS) -newer $(VENV)/installed)" ] || \
	$(BIN)/python setup.py build_ext --inplace >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log >&2; exit 1; }
	@touch $@
