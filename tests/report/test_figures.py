"""The cost of a report of ten thousand devices: seconds of one core, and memory. In a sampled run, the page of a
thousand; PDF takes ten seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import sampling

DEVICES = sampling.count(10_000, 1_000)
KINDS = ["html", *([pytest.param("pdf", marks=pytest.mark.paper)] if sampling.WHOLE else [])]
# Limits on an idle machine; this one runs other programs too.
SECONDS, MB = 20.0, 600

# In a child process, so that the memory of other tests does not count.
MAKE = """
import resource, sys, time
from sensor.report.build import Sources, report_of
from sensor.report.links import PAPER
from sensor.report.page import page
from sensor.report.period import period_spec
from sensor.report.stored import encoded
from tests.report.sites import large_site, large_story
site = large_site(int(sys.argv[2]))
story = large_story(site)
began = time.process_time()
report = report_of(Sources(site, story), period_spec())
if sys.argv[1] == "html":
    data = page(report, embedded=encoded(report)).encode()
else:
    from sensor.report.pdf import pdf
    data = pdf(page(report, PAPER))
took = time.process_time() - began
# Of this program alone: what getrusage tells begins with the memory of who started it.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(took, peak / 1024, len(data))
"""


def cost(kind: str) -> tuple[float, float, int]:
    """Seconds, megabytes, bytes of the file."""
    command = [sys.executable, "-c", MAKE, kind, str(DEVICES)]
    reported = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    took, held, size = reported.stdout.split()
    return float(took), float(held), int(size)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_devices(kind: str) -> None:
    """The page lists all devices; PDF groups them, and stays small enough to print."""
    took, held, size = cost(kind)
    assert took < SECONDS, took
    assert held < MB, held
    assert size < (40 << 20 if kind == "html" else 2 << 20), size
    print(f"{DEVICES:,} devices as {kind}: {took:.1f} s, {held:.0f} MB, {size / 1e6:.1f} MB on disk")
