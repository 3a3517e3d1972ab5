"""The cost of vulnerabilities: time and memory to import a year of NVD, and time to evaluate many devices."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.database import open_to_read
from sensor.posture.vulnerabilities.match import Matcher
from sensor.posture.vulnerabilities.names import load_names
from tests import sampling
from tests.posture.vulnerabilities.figures import fleet, write_feed

# Both are a tenth in short runs, with the same limits.
YEAR = 30_000
CVES, DEVICES = sampling.count(YEAR, 3_000), sampling.count(10_000, 1_000)
IMPORT_S, IMPORT_MB = 30.0, 200
# The limit is 20 s for 250,000 CVEs: an eighth of them takes less than half of it, since most of the time depends on
# the devices.
MATCH_S, ONE_S = 10.0, 0.05

# In its own process, so that no other memory counts.
IMPORT = """
import sys, time
from pathlib import Path
from sensor.posture.vulnerabilities.database import open_to_write
from sensor.posture.vulnerabilities.importer import Origin, import_feed
folder = Path(sys.argv[1])
began = time.process_time()
outcome = import_feed(open_to_write(folder), folder / "nvd.json", Origin("nvd", "nvd.json"), "2026-11-27T00:00:00Z")
assert (outcome.entries, outcome.broken, outcome.trouble) == (int(sys.argv[2]), 0, ""), outcome
# Of this program alone: what getrusage tells begins with the memory of who started it.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.process_time() - began, peak / 1024)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    write_feed(folder / "nvd.json", CVES)
    return folder


@pytest.fixture(scope="module")
def cost(folder: Path) -> tuple[float, float]:
    """Seconds and megabytes of an import."""
    words = [sys.executable, "-c", IMPORT, str(folder), str(CVES)]
    reported = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    )
    took, held = map(float, reported.stdout.split())
    return took, held


@pytest.mark.slow
def test_a_year_of_nvd(folder: Path, cost: tuple[float, float]) -> None:
    """A hundred megabytes are streamed in half a minute."""
    size = (folder / "nvd.json").stat().st_size
    took, held = cost
    assert size > CVES * 2_800
    assert took < IMPORT_S, took
    assert held < IMPORT_MB, held
    print(f"{CVES:,} CVEs of {size >> 20} MiB in {took:.1f} s, {held:.0f} MiB")


@pytest.mark.slow
def test_ten_thousand_devices(folder: Path, cost: tuple[float, float]) -> None:
    """All devices are evaluated at once, and again after a change of one device or one CVE."""
    base, assets = open_to_read(folder), list(fleet(DEVICES))
    matcher = Matcher(load_curated(), load_names(), base)
    began = time.process_time()
    found = sum(len(matcher.findings(one)) for one in assets)
    took = time.process_time() - began
    assert found > DEVICES * CVES // YEAR
    assert took < MATCH_S, took
    fresh = Matcher(load_curated(), load_names(), base)
    began = time.process_time()
    fresh.findings(assets[0])
    device = time.process_time() - began
    began = time.process_time()
    concerned = [len(list(fresh.of_cve(f"CVE-2024-{number}", assets))) for number in range(1000, 1020)]
    cve = (time.process_time() - began) / 20
    assert sum(concerned) > DEVICES // 1_000
    assert device < ONE_S, device
    assert cve < ONE_S, cve
    base.close()
    print(
        f"{DEVICES:,} devices: {found:,} findings in {took:.1f} s; one device {device * 1000:.1f} ms, "
        f"one CVE {cve * 1000:.1f} ms"
    )
