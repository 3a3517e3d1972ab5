"""The memory soak: evaluation of its samples, and samples of a real sensor."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.perf.live import namespaces
from tests.reliability.harness import until
from tests.reliability.soak_memory import FEWEST, OFFICE, Sample, Watched, flat, replayed, slope, watched


def samples(per_hour: float, files: int = 20, later: int = 20) -> list[Sample]:
    """Two hours: 50 MB in the first quarter, then so many an hour; descriptors first and in the last half hour."""
    return [
        Sample(
            minute * 60,
            100 + min(minute, 30) / 30 * 50 + max(minute - 30, 0) / 60 * per_hour,
            200,
            later if minute > 90 else files,
            8,
        )
        for minute in range(121)
    ]


@pytest.mark.parametrize("per_hour", [0.0, 0.9, 5.0])
def test_the_slope_is_that_after_the_first_quarter(per_hour: float) -> None:
    """Growth in the first quarter does not count."""
    assert slope(samples(per_hour)) == pytest.approx(per_hour, abs=0.01)


def test_too_few_samples_report_nothing() -> None:
    with pytest.raises(ValueError, match=rf"\b{FEWEST}\b"):
        slope(samples(0)[:4])


def test_descriptors_that_become_more_are_not_flat() -> None:
    assert flat(samples(0))
    assert flat(samples(0, later=19))
    assert not flat(samples(0, later=21))


def test_a_file_that_is_open_for_a_moment_is_no_growth() -> None:
    assert flat([one._replace(files=20 + (one.seconds == 6060)) for one in samples(0)])


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("tcpreplay") is None, reason="needs root and tcpreplay"
)
def test_a_sensor_is_watched_and_its_end_is_seen(tmp_path: Path) -> None:
    """Samples of a real sensor are plausible; a sensor that exits is reported with its last output."""
    here, there = f"memory-a-{os.getpid()}", f"memory-b-{os.getpid()}"
    sensor = Watched(tmp_path / "events.jsonl", there, [])
    with namespaces(here, there), sensor, replayed(here, OFFICE, 500):
        assert until(lambda: sensor.listens, 60), sensor.output.read_text()
        one, two = watched(sensor, 0.05, every_s=2)
        assert one.seconds < two.seconds
        for each in (one, two):
            assert 10 < each.anonymous < each.resident < 500
            assert each.files > 3  # standard streams and the ring; further files may not be open yet
            assert each.threads > 0
        sensor.kill()
        with pytest.raises(RuntimeError, match=r" \d+ s: "):
            list(watched(sensor, 1, every_s=1))
