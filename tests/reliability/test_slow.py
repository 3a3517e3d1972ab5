"""Slow receivers of every kind beside good ones: nobody waits for anybody (longer: ``make soak``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.destinations import MISSING
from tests.reliability.slow_stories import slow_receivers


@pytest.mark.skipif(bool(MISSING["jetstream"]), reason=MISSING["jetstream"])
def test_nobody_waits_for_the_slow(tmp_path: Path) -> None:
    """99 of 100 records come to the good ones within 2 s, and what the forwarder holds does not grow with its troubles."""
    slow = slow_receivers(tmp_path, 5, 200)
    assert max(slow.late.values()) <= 2
    assert slow.after.threads <= slow.before.threads
    # Each output has one connection, or is about to have it.
    assert slow.after.files <= slow.before.files + len(slow.delivered)
    assert not any(slow.delivered[name] for name in ("no-handshake", "too-large", "too-many", "unavailable", "silent", "expired", "half-open"))
