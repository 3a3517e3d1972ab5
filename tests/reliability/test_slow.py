"""Slow receivers of every kind beside healthy ones: no output waits for another (longer: ``make soak``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.destinations import MISSING
from tests.reliability.slow_stories import slow_receivers

# The fault of each in its status, so that each is slow in the intended way.
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
    """All records arrive at the healthy receivers while the slow ones get none, and resources of the forwarder do not
    grow. Delays are a figure of ``make soak``.
    """
    slow = slow_receivers(tmp_path, 5, 200)
    assert set(slow.late) == {"http", "jetstream"}
    assert slow.events > 100
    assert slow.after.threads <= slow.before.threads
    # Each output has one connection, or will open it; after so short a time some had none yet.
    assert slow.after.files <= slow.before.files + len(slow.statuses)
    for name, words in WRONG.items():
        assert words in slow.statuses[name].error
        assert slow.statuses[name].delivered == 0
    assert slow.statuses["too-large"].refused > 0
