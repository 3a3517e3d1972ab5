"""Slow receivers of every kind beside good ones: nobody waits for anybody (longer: ``make soak``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.destinations import MISSING
from tests.reliability.slow_stories import slow_receivers

# What is wrong with each by its status, so that all of them are slow in the way that is meant.
WRONG = {
    "byte-a-second": "no complete answer within 2 s", "silent": "no complete answer within 2 s", "half-open": (
        "no complete answer within 2 "
        "s"
    ),
    "no-handshake": "did not answer the TLS handshake within 2 s", "expired": "expired on",
    "too-many": "429 Too Many Requests", "unavailable": "503 Service Unavailable",
}  # fmt: skip


@pytest.mark.skipif(bool(MISSING["jetstream"]), reason=MISSING["jetstream"])
def test_no_output_waits_for_a_slow_one(tmp_path: Path) -> None:
    """All records come to the good ones while the slow ones get none, and what the forwarder holds does not grow with
    its troubles. How late they come is a figure of ``make soak``.
    """
    slow = slow_receivers(tmp_path, 5, 200)
    assert set(slow.late) == {"http", "jetstream"}
    assert slow.events > 100
    assert slow.after.threads <= slow.before.threads
    # Each output has one connection, or is about to have it; in so short a time some had none yet.
    assert slow.after.files <= slow.before.files + len(slow.statuses)
    for name, words in WRONG.items():
        assert words in slow.statuses[name].error
        assert slow.statuses[name].delivered == 0
    assert slow.statuses["too-large"].refused > 0
