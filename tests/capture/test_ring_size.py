"""Ring sizes by link speed, within the available memory."""

from __future__ import annotations

import pytest

from sensor.capture.live import _in_words
from sensor.capture.ring_size import LEAST, MOST, size_for, speed_of
from tests.golden import Golden


@pytest.mark.parametrize(
    ("speed", "mib"), [(10, 16), (100, 16), (1_000, 64), (2_500, 256), (5_000, 512), (10_000, 512), (100_000, 512)]
)
def test_a_ring_holds_half_a_second_of_its_link(speed: int, mib: int) -> None:
    assert size_for(speed, fanout=1, rings=1, memory_mib=4096) == mib


def test_a_link_that_does_not_report_its_speed_is_taken_for_a_usual_one() -> None:
    assert size_for(0, 1, 1, 256) == size_for(1_000, 1, 1, 256) == 64


@pytest.mark.parametrize(
    ("fanout", "interfaces", "memory"), [(1, 1, 256), (1, 2, 256), (4, 1, 4096), (2, 3, 1024), (1, 1, 208)]
)
def test_all_rings_together_take_at_most_the_memory_of_the_run(fanout: int, interfaces: int, memory: int) -> None:
    size = size_for(40_000, fanout, fanout * interfaces, memory)
    assert LEAST <= size <= MOST
    assert size * fanout * interfaces <= memory


def test_rings_that_share_a_link_share_its_half_second() -> None:
    assert size_for(10_000, fanout=4, rings=4, memory_mib=4096) == 256


def test_many_rings_have_their_least_all_the_same() -> None:
    assert size_for(1_000, 64, 128, 208) == LEAST


def test_what_there_is_not_has_no_speed() -> None:
    assert speed_of("no-such-one") == speed_of("lo") == 0


def test_sizes_are_reported_with_their_reason(golden: Golden) -> None:
    """Equal links are reported once; a configured size has no report."""
    golden(_in_words({"a": 64, "b": 64}, {"a": 1000, "b": 1000}))
    golden(_in_words({"a": 16, "b": 64}, {"a": 100, "b": 0}))
    assert _in_words({"a": 8}, {}) == "ring 8 MiB"
